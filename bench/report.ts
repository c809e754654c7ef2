/** The table as people read it. */
import type { Row } from "./workshop.ts";

const numbers = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

export function isMet({ value, target }: Row): boolean | undefined {
  if (target === undefined) return undefined;
  return "least" in target ? value >= target.least : value <= target.most;
}

function short(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value >= 1e6) return `${numbers.format(value / 1e6)} M`;
  if (value >= 1e4) return `${numbers.format(value / 1e3)} k`;
  return numbers.format(value);
}

function shown(value: number, unit: Row["unit"]): string {
  switch (unit) {
    case "ratio":
      return Number.isFinite(value) ? value.toFixed(2) : "–";
    case "per second":
      return `${short(value)}/s`;
    case "bytes":
      return `${short(value)} B`;
    case "µs":
      return value >= 1000 ? `${(value / 1000).toFixed(1)} ms` : `${short(value)} µs`;
    case "% CPU":
      return `${value.toFixed(0)} %`;
    case "count":
      return short(value);
  }
}

function cells(row: Row): readonly string[] {
  const { scenario, what, value, min, max, unit, target } = row;
  const wanted =
    target === undefined ? "" : "least" in target ? `≥ ${shown(target.least, unit)}` : `≤ ${shown(target.most, unit)}`;
  const met = isMet(row);
  const spread = unit === "count" ? "" : `${shown(min, unit)} – ${shown(max, unit)}`;
  return [scenario, what, shown(value, unit), spread, wanted, met === undefined ? "" : met ? "met" : "NOT MET"];
}

/** The rows in columns; the scenario only where it changes. */
export function tableOf(rows: readonly Row[]): string {
  const lines = [["scenario", "what", "median", "min – max", "target", ""], ...rows.map(cells)];
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  let previous = "";
  return lines
    .map((line, at) => {
      const repeated = line[0] === previous;
      previous = line[0] ?? "";
      const text = line.map((cell, column) => {
        const content = column === 0 && repeated ? "" : cell;
        return column === 2 || column === 4
          ? content.padStart(widths[column] ?? 0)
          : content.padEnd(widths[column] ?? 0);
      });
      const rule = at === 0 || repeated ? "" : `${"─".repeat(widths.reduce((sum, width) => sum + width + 2, -2))}\n`;
      return rule + text.join("  ").trimEnd();
    })
    .join("\n");
}
