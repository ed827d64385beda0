import { Search } from "lucide-react";
import { Input } from "react-aria-components/Input";
import { SearchField } from "react-aria-components/SearchField";
import { useModel, useWindow } from "../../store/context.tsx";
import { useText } from "../../words/words.tsx";
import styles from "./filter-field.module.css";

/** Finds peers by name, IP or address: on the ring and in the table alike. */
export function FilterField({ id }: { readonly id: string }) {
  const t = useText();
  const model = useModel();
  const query = useWindow((state) => state.filter.query);
  return (
    <SearchField
      className={styles.search ?? ""}
      aria-label={t("peers.filter")}
      value={query}
      onChange={(next) => model.setFilter({ query: next })}
    >
      <Search size={14} aria-hidden />
      <Input id={id} placeholder={t("filter.placeholder")} />
      <span className={styles.key} aria-hidden="true">
        /
      </span>
    </SearchField>
  );
}
