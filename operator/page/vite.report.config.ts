import { defineConfig } from "vite";

// One script and one style, which the static report holds as they are (operator/evonas/report/charts.py).
export default defineConfig({
  build: {
    outDir: "../evonas/ui/static/report",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    target: "es2023",
    license: { fileName: "licenses.txt" },
    cssCodeSplit: false,
    rollupOptions: {
      input: "src/report.tsx",
      output: { format: "iife", entryFileNames: "charts.js", assetFileNames: "charts[extname]" },
    },
  },
  publicDir: false,
});
