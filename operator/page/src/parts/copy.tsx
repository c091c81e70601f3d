/** Text to take along: a command, a manifest. */
import { useState } from "preact/hooks";
import { announce } from "./announce";

export function CopyButton({ text, what = "Copied" }: { text: string; what?: string }) {
  const [label, setLabel] = useState("Copy");
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setLabel("Copied");
      announce(what);
    } catch {
      // Pages without TLS elsewhere than on loopback may not use the clipboard.
      setLabel("Select it and press Ctrl+C");
    }
    setTimeout(() => setLabel("Copy"), 3000);
  };
  return (
    <button type="button" class="small" onClick={() => void copy()}>
      {label}
    </button>
  );
}

export function Command({ text }: { text: string }) {
  return (
    <div class="command">
      <pre tabIndex={0} aria-label="Command">
        <code>{text}</code>
      </pre>
      <CopyButton text={text} what="The command was copied" />
    </div>
  );
}

/** Give the browser a file to save. */
export function download(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
