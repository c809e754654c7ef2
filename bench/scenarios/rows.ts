/** Rows of the table, and the one that every scenario has: nothing may be lost. */
import { spreadOf } from "../statistics.ts";
import type { Delivery, Row } from "../workshop.ts";

export function row(
  scenario: string,
  what: string,
  values: readonly number[],
  unit: Row["unit"],
  target?: Row["target"],
): Row {
  const { median, min, max } = spreadOf(values) ?? { median: Number.NaN, min: Number.NaN, max: Number.NaN };
  return { scenario, what, value: median, min, max, unit, ...(target !== undefined && { target }) };
}

/** What entered, times the subscribers, is what came out. */
export function lossRow(scenario: string, deliveries: readonly Pick<Delivery, "expected" | "received">[]): Row {
  const lost = deliveries.map(({ expected, received }) => Math.abs(expected - received));
  return row(scenario, "gateway: deliveries missing or too many", [Math.max(0, ...lost)], "count", { most: 0 });
}
