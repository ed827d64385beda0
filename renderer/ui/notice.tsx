import type { ReactNode } from "react";
import styles from "./notice.module.css";

export interface NoticeProps {
  readonly tone: "info" | "warn" | "danger";
  readonly icon: ReactNode;
  readonly children: ReactNode;
  /** `alert` is spoken at once, `status` when the reader pauses. */
  readonly role?: "alert" | "status";
}

/** A sentence beside an icon, on the colour of how serious it is. */
export function Notice({ tone, icon, children, role }: NoticeProps) {
  return (
    <div className={styles.notice} data-tone={tone} role={role}>
      <span className={styles.icon}>{icon}</span>
      <div className={styles.text}>{children}</div>
    </div>
  );
}
