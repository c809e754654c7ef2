/** What a session of this protocol remembers. */
import type { JsonText } from "../../ports.ts";
import type { Wire } from "./wire.ts";

export class Peer {
  readonly wire: Wire;
  /** `refused`: its connect command was; nothing more is obeyed before it tries again or goes. */
  stage: "new" | "refused" | "connected" = "new";
  /** Names the session to the requests that bring its commands; it is as good as a key. */
  secret: string | undefined;
  /** Channels that the gateway subscribed it to. */
  serverSide: Set<string> | undefined;
  /** What others in a channel are told of it, as its tokens say. */
  channelInfos: Map<string, JsonText> | undefined;
  /** What ends subscriptions whose token is over. */
  expiries: Map<string, () => void> | undefined;

  constructor(wire: Wire) {
    this.wire = wire;
  }

  /** The subscription's token no longer matters. */
  forget(channel: string): void {
    this.serverSide?.delete(channel);
    this.channelInfos?.delete(channel);
    this.expiries?.get(channel)?.();
    this.expiries?.delete(channel);
  }

  end(): void {
    for (const cancel of this.expiries?.values() ?? []) cancel();
    this.expiries = undefined;
  }
}
