/** Opens a WebSocket, or says why it cannot be had. */
import type { Clock, DialedSocket, Dialer } from "../../ports.ts";

export interface OpeningEars {
  /** It is open; false when nobody wants it any more. */
  opened(socket: DialedSocket): boolean;
  message(text: string): void;
  alive(): void;
  /** It was open, and is no more. */
  closed(reason: string): void;
}

/** How long it may take, in ms. */
const patience = 5000;

/** The reason why it cannot be had; nothing once it is open. */
export function openWebSocket(
  dialer: Dialer,
  clock: Clock,
  url: string,
  ears: OpeningEars,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    let open = false;
    const giveUp = (reason: string): void => {
      cancel();
      socket.end();
      resolve(reason);
    };
    const socket = dialer.webSocket(url, {
      opened() {
        cancel();
        open = ears.opened(socket);
        if (open) resolve(undefined);
        else giveUp("it is not wanted any more");
      },
      message: (text) => ears.message(text),
      alive: () => ears.alive(),
      closed(reason) {
        if (open) ears.closed(reason);
        else giveUp(reason);
      },
    });
    const cancel = clock.after(patience, () => giveUp(`nothing came in ${patience / 1000} s`));
  });
}
