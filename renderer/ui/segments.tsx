import { ToggleButton } from "react-aria-components/ToggleButton";
import { ToggleButtonGroup } from "react-aria-components/ToggleButtonGroup";
import styles from "./segments.module.css";

export interface SegmentsProps<T extends string> {
  readonly label: string;
  readonly options: readonly { readonly id: T; readonly text: string }[];
  readonly chosen: T;
  readonly onChoose: (id: T) => void;
}

/** One of a few, side by side. */
export function Segments<T extends string>({ label, options, chosen, onChoose }: SegmentsProps<T>) {
  return (
    <ToggleButtonGroup
      className={styles.segments ?? ""}
      aria-label={label}
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[chosen]}
      onSelectionChange={(keys) => {
        const [id] = keys;
        if (id !== undefined) onChoose(id as T);
      }}
    >
      {options.map(({ id, text }) => (
        <ToggleButton key={id} id={id} className={styles.segment ?? ""}>
          {text}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  );
}
