import { linkDash, linkWidth } from "../tokens/tokens.ts";
import styles from "./link-glyph.module.css";

/** The kind of a link in the form it has on the ring: dash, width and end as well as colour. */
export function LinkGlyph({
  kind,
  transport,
}: {
  readonly kind: keyof typeof linkDash;
  readonly transport: string | null;
}) {
  const routed = kind === "routed";
  const square = transport !== null && transport !== "udp" && transport !== "relay";
  return (
    <svg className={styles.glyph} data-kind={kind} viewBox="0 0 28 8" width="28" height="8" aria-hidden="true">
      <path
        d={routed ? "M2 4H25" : "M2 4H20"}
        stroke="currentColor"
        fill="none"
        strokeWidth={routed ? 1.25 : linkWidth[kind] + 0.25}
        strokeDasharray={linkDash[kind].map((length) => length * 0.75).join(" ") || undefined}
      />
      {!routed &&
        (square ? (
          <path d="M19 1h6v6h-6z" fill="currentColor" />
        ) : (
          <circle cx="22" cy="4" r="3.3" fill="currentColor" />
        ))}
    </svg>
  );
}
