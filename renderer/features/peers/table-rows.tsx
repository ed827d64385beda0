/**
 * Rows of a virtual table that scroll as wholes. React Aria places each cell of a row by itself, and so renders every cell
 * on screen anew in each frame of a scroll; here a row is a grid of CSS whose columns are the variable `--columns`, and is
 * left alone while it is on screen.
 */
import { Fragment, memo, type ReactNode, useContext, useMemo } from "react";
import { CollectionRendererContext } from "react-aria-components";
import { LayoutInfo, Rect, TableLayout } from "react-aria-components/Virtualizer";

type Renderer = NonNullable<React.ContextType<typeof CollectionRendererContext>>;
type BranchProps = React.ComponentProps<Renderer["CollectionBranch"]>;
type BuildRow = TableLayout<object>["buildRow"];

/** Places rows and the cells of the head; the cells of rows are the style sheet's. */
export class RowsLayout extends TableLayout<object> {
  protected override buildRow(...[node, x, y]: Parameters<BuildRow>): ReturnType<BuildRow> {
    // As wide as the head, which is laid out before any row.
    const table = this.virtualizer?.collection as { head?: { key: string | number } } | undefined;
    const width = this.layoutNodes.get(table?.head?.key ?? "header")?.layoutInfo.rect.width ?? 0;
    const layoutInfo = new LayoutInfo("row", node.key, new Rect(x, y, width, this.getEstimatedRowHeight()));
    return { layoutInfo, children: [], validRect: layoutInfo.rect.intersection(this.requestedRect), node };
  }
}

/** To stand between a `Virtualizer` and its `Table`. */
export function RowsInOnePiece({ children }: { readonly children: ReactNode }) {
  const renderer = useContext(CollectionRendererContext);
  const mine = useMemo(() => ({ ...renderer, CollectionBranch: branchOver(renderer.CollectionBranch) }), [renderer]);
  return <CollectionRendererContext value={mine}>{children}</CollectionRendererContext>;
}

function branchOver(Other: Renderer["CollectionBranch"]): Renderer["CollectionBranch"] {
  return (props: BranchProps) => (props.parent.type === "item" ? <RowCells {...props} /> : <Other {...props} />);
}

const RowCells = memo(function RowCells({ collection, parent }: BranchProps) {
  const cells = collection.getChildren?.(parent.key) ?? [];
  return [...cells].map((cell) => <Fragment key={cell.key}>{cell.render?.(cell)}</Fragment>);
});
