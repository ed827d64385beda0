import { Switch as AriaSwitch } from "react-aria-components/Switch";
import styles from "./switch.module.css";

export interface SwitchProps {
  readonly label: string;
  readonly isOn: boolean;
  /** The order is given and its effect is not seen yet: the thumb stands in the middle. */
  readonly isPending?: boolean;
  readonly isDisabled?: boolean;
  readonly size?: "small" | "large";
  /** Id of a text that says more about the switch. */
  readonly describedBy?: string;
  readonly onChange: (on: boolean) => void;
}

export function Switch({
  label,
  isOn,
  isPending = false,
  isDisabled = false,
  size = "small",
  describedBy,
  onChange,
}: SwitchProps) {
  return (
    <AriaSwitch
      className={styles.switch ?? ""}
      data-size={size}
      data-pending={isPending || undefined}
      aria-label={label}
      {...(describedBy === undefined ? {} : { "aria-describedby": describedBy })}
      isSelected={isOn}
      isDisabled={isDisabled}
      onChange={onChange}
    >
      <span className={styles.track} />
    </AriaSwitch>
  );
}
