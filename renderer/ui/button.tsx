import type { ReactNode } from "react";
import { Button as AriaButton } from "react-aria-components/Button";
import styles from "./button.module.css";

export interface ButtonProps {
  readonly children: ReactNode;
  readonly look?: "plain" | "primary" | "quiet" | "icon";
  /** The name of a button whose content is a picture. */
  readonly label?: string;
  readonly isDisabled?: boolean;
  readonly onPress: () => void;
}

export function Button({ children, look = "plain", label, isDisabled = false, onPress }: ButtonProps) {
  return (
    <AriaButton
      className={styles.button ?? ""}
      data-look={look}
      isDisabled={isDisabled}
      onPress={onPress}
      {...(label === undefined ? {} : { "aria-label": label })}
    >
      {children}
    </AriaButton>
  );
}
