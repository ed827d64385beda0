/** What others wrote of what is shipped, each with its licence; the list is data beside the page, fetched when it is opened. */
import { useEffect, useState } from "react";
import * as z from "zod";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { useText } from "../../words/words.tsx";
import styles from "./licences-dialog.module.css";

/** As `tools/licences.mjs` writes it. */
const Licences = z.object({
  packages: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      kind: z.enum(["own", "npm", "crate"]),
      licence: z.string(),
      /** Places in `texts`. */
      texts: z.array(z.int()),
    }),
  ),
  texts: z.array(z.string()),
});
type Licences = z.infer<typeof Licences>;

export function LicencesDialog({ onClose }: { readonly onClose: () => void }) {
  const t = useText();
  const [licences, setLicences] = useState<Licences | "unreadable">();
  useEffect(() => {
    let over = false;
    read().then(
      (read) => !over && setLicences(read),
      () => !over && setLicences("unreadable"),
    );
    return () => {
      over = true;
    };
  }, []);
  return (
    <Dialog
      title={t("set.licences")}
      onClose={onClose}
      actions={<Button onPress={onClose}>{t("common.close")}</Button>}
    >
      {licences === "unreadable" && <p role="alert">{t("set.licencesFault")}</p>}
      {licences !== undefined && licences !== "unreadable" && <List licences={licences} />}
    </Dialog>
  );
}

function List({ licences: { packages, texts } }: { readonly licences: Licences }) {
  const t = useText();
  return (
    <>
      <p>{t("set.licencesLead", { count: packages.filter(({ kind }) => kind !== "own").length })}</p>
      <ul className={styles.list} aria-label={t("set.licences")}>
        {packages.map((each) => (
          <li key={`${each.kind} ${each.name} ${each.version}`}>
            <One shipped={each} texts={texts} />
          </li>
        ))}
      </ul>
    </>
  );
}

/** The text is drawn once it is opened: all of them together are hundreds of pages. */
function One({
  shipped,
  texts,
}: {
  readonly shipped: Licences["packages"][number];
  readonly texts: readonly string[];
}) {
  const t = useText();
  const [isOpen, setOpen] = useState(false);
  const { name, version, licence } = shipped;
  return (
    <details className={styles.one} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <strong>{name}</strong> {version} <span className={styles.licence}>{licence}</span>
      </summary>
      {isOpen && name === "electron" && <p>{t("set.licencesElectron")}</p>}
      {isOpen && shipped.texts.length === 0 && <p>{t("set.licencesNoText", { licence })}</p>}
      {isOpen &&
        shipped.texts.map((place) => (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: by keyboard it is scrolled from the focus alone
          <section key={place} className={styles.text} tabIndex={0} aria-label={`${name} ${version}`}>
            {texts[place]}
          </section>
        ))}
    </details>
  );
}

async function read(): Promise<Licences> {
  const answer = await fetch(new URL("./licences.json", document.baseURI));
  if (!answer.ok) throw new Error(`The licences did not come (${answer.status}).`);
  return Licences.parse(await answer.json());
}
