import { defineConfig } from "vitest/config";

// The server's content security policy allows scripts and styles from itself only: nothing may be inlined.
export default defineConfig({
  base: "/",
  build: {
    outDir: "../evonas/ui/static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2023",
    // Whoever is given the bundled packages is given their licences.
    license: { fileName: "licenses.txt" },
    reportCompressedSize: true,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8090" } },
  test: { include: ["tests/**/*.test.{ts,tsx}"] },
});
