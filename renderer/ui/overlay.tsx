import { X } from "lucide-react";
import type { ReactNode } from "react";
import { Dialog as AriaDialog } from "react-aria-components/Dialog";
import { Heading } from "react-aria-components/Heading";
import { Modal, ModalOverlay } from "react-aria-components/Modal";
import { useText } from "../words/words.tsx";
import { Button } from "./button.tsx";
import styles from "./overlay.module.css";

export interface OverlayProps {
  readonly title: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  /** `field` has no head of its own: its first field says what it is for. */
  readonly look?: "plain" | "field";
  readonly children: ReactNode;
}

/** Over the window: holds the keyboard until it is closed, and gives it back to where it was opened. */
export function Overlay({ title, isOpen, onClose, look = "plain", children }: OverlayProps) {
  const t = useText();
  return (
    <ModalOverlay
      className={styles.overlay ?? ""}
      data-look={look}
      isOpen={isOpen}
      onOpenChange={(open) => !open && onClose()}
      isDismissable
    >
      <Modal className={styles.modal ?? ""}>
        <AriaDialog className={styles.dialog ?? ""} {...(look === "field" ? { "aria-label": title } : {})}>
          {look === "plain" && (
            <header className={styles.head}>
              <Heading slot="title" level={2}>
                {title}
              </Heading>
              <Button look="icon" label={t("common.close")} onPress={onClose}>
                <X size={16} aria-hidden />
              </Button>
            </header>
          )}
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
