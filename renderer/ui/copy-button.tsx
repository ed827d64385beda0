import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { useText } from "../words/words.tsx";
import { Button } from "./button.tsx";

const SHOWN_MS = 2000;

/** Copies a value; says so by its picture and to screen readers. */
export function CopyButton({ value, label }: { readonly value: string; readonly label: string }) {
  const t = useText();
  const [copied, setCopied] = useState<"yes" | "refused">();
  useEffect(() => {
    if (copied === undefined) return;
    const timer = setTimeout(() => setCopied(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => {
    navigator.clipboard.writeText(value).then(
      () => setCopied("yes"),
      () => setCopied("refused"),
    );
  };
  return (
    <>
      <Button look="icon" label={label} onPress={copy}>
        {copied === "yes" ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
      </Button>
      <span className="spoken" role="status">
        {copied === "yes" && t("peer.copied", { value })}
        {copied === "refused" && t("copy.refused")}
      </span>
    </>
  );
}
