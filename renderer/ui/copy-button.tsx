import { Check, Copy } from "lucide-react";
import { type ComponentType, useEffect, useState } from "react";
import { useText } from "../words/words.tsx";
import { Button } from "./button.tsx";

const SHOWN_MS = 2000;

/** Copies a value; says so by its picture and to screen readers. */
export interface CopyButtonProps {
  /** The text, or what makes it when it is wanted. */
  readonly value: string | (() => string);
  readonly label: string;
  /** A picture alone, unless the label is to be read. */
  readonly look?: "icon" | "plain";
  readonly icon?: ComponentType<{ readonly size?: number; readonly "aria-hidden"?: boolean }>;
}

export function CopyButton({ value, label, icon: Icon = Copy, look = "icon" }: CopyButtonProps) {
  const t = useText();
  const [copied, setCopied] = useState<"yes" | "refused">();
  useEffect(() => {
    if (copied === undefined) return;
    const timer = setTimeout(() => setCopied(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () => {
    navigator.clipboard.writeText(typeof value === "string" ? value : value()).then(
      () => setCopied("yes"),
      () => setCopied("refused"),
    );
  };
  return (
    <>
      <Button {...(look === "icon" && { look, label })} onPress={copy}>
        {copied === "yes" ? <Check size={14} aria-hidden /> : <Icon size={14} aria-hidden />}
        {look === "plain" && label}
      </Button>
      <span className="spoken" role="status">
        {copied === "yes" && (typeof value === "string" ? t("peer.copied", { value }) : t("common.copied"))}
        {copied === "refused" && t("copy.refused")}
      </span>
    </>
  );
}
