/**
 * A chart of values over time on Canvas 2D (uPlot). Gaps stay gaps. The pointer or the arrow keys move a cursor whose
 * values are read out; a sentence says what the chart shows.
 */
import "uplot/dist/uPlot.min.css";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import { linkDash, linkWidth } from "../tokens/tokens.ts";
import { onThemeChange } from "./theme.ts";
import styles from "./time-chart.module.css";

export interface ChartSeries {
  /** Custom property of the theme without its dashes, for instance `data-rx`. */
  readonly colour: string;
  readonly filled?: boolean;
  /** Shades between this series and the next instead of drawing a line. */
  readonly bandWithNext?: boolean;
  /** Shaded only, no line. */
  readonly lineless?: boolean;
}

export type ChartKind = keyof typeof linkDash;

export interface TimeChartProps {
  /** What the chart shows and its figures, as a sentence. */
  readonly summary: string;
  readonly height: number;
  readonly series: readonly ChartSeries[];
  /** Seconds since 1970, then one list a series; null is a gap. */
  readonly data: uPlot.AlignedData;
  readonly from: number;
  readonly until: number;
  /** Lowest and highest value of the scale, and the marks on it. */
  readonly range: readonly [low: number, high: number];
  readonly marks: readonly number[];
  readonly value: (value: number) => string;
  readonly time: (seconds: number) => string;
  /** What the cursor stands on, in words. */
  readonly readOut: (index: number) => string;
  /** The kind of link at each time, drawn as a band below. */
  readonly kinds?: readonly (ChartKind | null)[];
}

const BAND_HEIGHT = 18;

export function TimeChart(props: TimeChartProps) {
  const { summary, height, data } = props;
  const host = useRef<HTMLDivElement>(null);
  const readOut = useRef<HTMLOutputElement>(null);
  const chart = useRef<uPlot>(undefined);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    const place = host.current;
    if (place === null) return;
    const make = () => {
      chart.current?.destroy();
      chart.current = new uPlot(optionsOf(latest, place, readOut), latest.current.data as uPlot.AlignedData, place);
    };
    make();
    // Numbers of the axes that were drawn before their font was there.
    void document.fonts.ready.then(() => chart.current?.redraw(false, true));
    const sizes = new ResizeObserver(() => {
      const { clientWidth } = place;
      if (clientWidth > 0 && clientWidth !== chart.current?.width) {
        chart.current?.setSize({ width: clientWidth, height: latest.current.height });
      }
    });
    sizes.observe(place);
    const stop = onThemeChange(make);
    return () => {
      stop();
      sizes.disconnect();
      chart.current?.destroy();
      chart.current = undefined;
    };
  }, []);
  useEffect(() => {
    chart.current?.setData(data as uPlot.AlignedData);
  }, [data]);

  const move = (by: number) => {
    const plot = chart.current;
    const times = latest.current.data[0];
    if (plot === undefined || times.length === 0) return;
    const at = plot.cursor.idx ?? (by > 0 ? -1 : times.length);
    const next = Math.max(0, Math.min(times.length - 1, at + by));
    plot.setCursor({ left: plot.valToPos(times[next] as number, "x"), top: 10 });
  };
  return (
    <div
      className={styles.chart}
      role="img"
      aria-label={summary}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move the cursor that reads values out.
      tabIndex={0}
      onKeyDown={(event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
        if (by === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
        event.preventDefault();
        event.stopPropagation();
        move(by);
      }}
      onBlur={() => chart.current?.setCursor({ left: -10, top: -10 })}
    >
      <div ref={host} className={styles.plot} style={{ height }} />
      <output ref={readOut} className={styles.readOut} />
    </div>
  );
}

function optionsOf(
  latest: React.RefObject<TimeChartProps>,
  place: HTMLElement,
  readOut: React.RefObject<HTMLOutputElement | null>,
): uPlot.Options {
  const style = getComputedStyle(place);
  const read = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const font = `400 11px ${read("font-family-sans")}`;
  const { series, height, kinds } = latest.current;
  return {
    width: Math.max(80, place.clientWidth),
    height,
    padding: [6, 28, kinds ? BAND_HEIGHT : 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { show: false },
      drag: { x: false, y: false },
    },
    scales: {
      x: { time: true, range: () => [latest.current.from, latest.current.until] },
      y: { range: () => [...latest.current.range] },
    },
    axes: [
      {
        stroke: read("data-axis"),
        font,
        size: kinds ? 24 : 28,
        // The lowest mark of the scale reaches below its line.
        gap: kinds ? 5 + BAND_HEIGHT : 9,
        grid: { show: false },
        ticks: { show: false },
        splits: (_plot, _axis, low, high) => [0, 1, 2].map((part) => low + ((high - low) * part) / 2),
        values: (_plot, splits) => splits.map((each) => latest.current.time(each)),
      },
      {
        stroke: read("data-axis"),
        font,
        size: 56,
        gap: 4,
        grid: { stroke: read("data-grid"), width: 1 },
        ticks: { show: false },
        splits: () => [...latest.current.marks],
        values: (_plot, splits) => splits.map((each) => latest.current.value(Math.abs(each))),
      },
    ],
    series: [
      {},
      ...series.map(({ colour, filled, lineless }) => ({
        stroke: lineless ? "transparent" : read(colour),
        width: lineless ? 0 : 1.5,
        points: { show: false },
        spanGaps: false,
        ...(filled ? { fill: faint(read(colour)), fillTo: 0 } : {}),
      })),
    ],
    bands: series.flatMap(({ bandWithNext, colour }, index) =>
      bandWithNext ? [{ series: [index + 1, index + 2] as uPlot.Band.Bounds, fill: faint(read(colour)) }] : [],
    ),
    hooks: {
      draw: [(plot) => latest.current.kinds && paintKinds(plot, latest.current.kinds, read)],
      setCursor: [
        (plot) => {
          const index = plot.cursor.idx;
          if (readOut.current === null) return;
          const isOn = index !== null && index !== undefined && (plot.cursor.left ?? -1) >= 0;
          readOut.current.textContent = isOn ? latest.current.readOut(index) : "";
        },
      ],
    },
  };
}

/** The kind of link over time, in the dash and width that it has on the ring. */
function paintKinds(plot: uPlot, kinds: readonly (ChartKind | null)[], read: (name: string) => string): void {
  const { ctx: g, bbox } = plot;
  const times = plot.data[0];
  const ratio = devicePixelRatio;
  const y = bbox.top + bbox.height + (BAND_HEIGHT / 2 + 2) * ratio;
  const xOf = (index: number) => plot.valToPos(times[index] as number, "x", true);
  g.save();
  g.beginPath();
  g.rect(bbox.left, bbox.top, bbox.width, bbox.height + BAND_HEIGHT * 2 * ratio);
  g.clip();
  let from = 0;
  for (let index = 1; index <= kinds.length; index++) {
    const kind = kinds[from];
    if (index < kinds.length && kinds[index] === kind) continue;
    if (kind !== null && kind !== undefined) {
      g.beginPath();
      g.strokeStyle = kind === "routed" ? read("border-control") : read(`link-${kind}`);
      g.lineWidth = ((kind === "routed" ? 1.5 : linkWidth[kind]) + 1.5) * ratio;
      g.setLineDash(linkDash[kind].map((length) => length * ratio * 0.75));
      g.moveTo(xOf(from), y);
      g.lineTo(xOf(Math.min(index, kinds.length - 1)), y);
      g.stroke();
    }
    from = index;
  }
  g.restore();
}

function faint(colour: string): string {
  return `color-mix(in srgb, ${colour} 18%, transparent)`;
}
