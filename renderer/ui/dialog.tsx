import { X } from "lucide-react";
import type { ReactNode } from "react";
import { Dialog as AriaDialog } from "react-aria-components/Dialog";
import { Heading } from "react-aria-components/Heading";
import { Modal, ModalOverlay } from "react-aria-components/Modal";
import { useText } from "../words/words.tsx";
import { Button } from "./button.tsx";
import styles from "./dialog.module.css";

export interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  /** A question that must be answered; it has no cross and is not closed by a click beside it. */
  readonly isAlert?: boolean;
  readonly children: ReactNode;
  /** What can be done, the first thing last. */
  readonly actions: ReactNode;
  /** Beside the actions. */
  readonly foot?: ReactNode;
}

/** A window over the window: holds the focus, and gives it back to where it came from. */
export function Dialog({ title, onClose, isAlert = false, children, actions, foot }: DialogProps) {
  const t = useText();
  return (
    <ModalOverlay
      className={styles.veil ?? ""}
      isOpen
      isDismissable={!isAlert}
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose();
      }}
    >
      <Modal className={styles.modal ?? ""}>
        <AriaDialog className={styles.dialog ?? ""} role={isAlert ? "alertdialog" : "dialog"}>
          <header className={styles.head}>
            <Heading slot="title" level={2}>
              {title}
            </Heading>
            {!isAlert && (
              <Button look="icon" label={t("common.close")} onPress={onClose}>
                <X size={16} aria-hidden />
              </Button>
            )}
          </header>
          <div className={styles.body}>{children}</div>
          <footer className={styles.foot}>
            <div className={styles.note}>{foot}</div>
            <div className={styles.actions}>{actions}</div>
          </footer>
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
