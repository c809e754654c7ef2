import type { BridgeReport, JournalFigures } from "../ports.ts";

/** What the gateway says of itself. */
export interface Status {
  readonly version: string;
  /** The name of this run; new at each start. */
  readonly run: string;
  readonly started: number;
  readonly addresses: readonly { readonly listen: string; readonly protocol?: string; readonly url: string }[];
  readonly unixSocket?: string | undefined;
  readonly data: string;
  readonly journal: JournalFigures;
  readonly sessions: number;
  /** By name. */
  readonly bridges: ReadonlyMap<string, BridgeReport>;
}
