/** A number of the configuration; as a function where a reload may change it. */
export type Figure = number | (() => number);

export function readerOf(figure: Figure): () => number {
  return typeof figure === "number" ? () => figure : figure;
}
