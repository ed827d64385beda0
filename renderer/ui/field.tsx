import { type ReactNode, useId } from "react";
import styles from "./field.module.css";

export interface TextFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly hint?: string;
  readonly lines?: number;
  readonly isDisabled?: boolean;
  readonly autoFocus?: boolean;
  readonly placeholder?: string;
  /** By which others lead here. */
  readonly id?: string;
}

/** A line of text, or several, under its label. */
export function TextField(props: TextFieldProps) {
  const { label, value, onChange, hint, lines = 1, isDisabled = false, autoFocus = false, placeholder } = props;
  const made = useId();
  const id = props.id ?? made;
  const shared = {
    id,
    value,
    disabled: isDisabled,
    // A dialogue begins at the first thing to do.
    autoFocus,
    placeholder,
    spellCheck: false,
    autoComplete: "off",
    "aria-describedby": hint === undefined ? undefined : `${id}-hint`,
    onChange: (event: { target: { value: string } }) => onChange(event.target.value),
  };
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      {lines === 1 ? <input type="text" {...shared} /> : <textarea rows={lines} {...shared} />}
      {hint !== undefined && (
        <p id={`${id}-hint`} className={styles.hint}>
          {hint}
        </p>
      )}
    </div>
  );
}

export interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly options: readonly { readonly id: T; readonly text: string }[];
  readonly onChange: (value: T) => void;
  /** By which others lead here. */
  readonly id?: string;
}

/** One of several, in the system's own list. */
export function Choice<T extends string>({ label, value, options, onChange, id }: ChoiceProps<T>) {
  return (
    <select
      id={id}
      className={styles.choice}
      aria-label={label}
      value={value}
      onChange={({ target }) => onChange(target.value as T)}
    >
      {options.map(({ id, text }) => (
        <option key={id} value={id}>
          {text}
        </option>
      ))}
    </select>
  );
}

/** A setting: its name, a sentence about it, and what changes it. */
export function Row({ title, text, children }: { title: string; text?: string; children: ReactNode }) {
  return (
    <div className={styles.row}>
      <div>
        <p className={styles.title}>{title}</p>
        {text !== undefined && <p className={styles.hint}>{text}</p>}
      </div>
      {children}
    </div>
  );
}
