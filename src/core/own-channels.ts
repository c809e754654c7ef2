/** The channels that belong to one device or one user, whatever its name: what a channel may not have is percent-encoded. */
import { foreignName } from "./channels.ts";

/** Where what is meant for one device waits for it. */
export function inboxOf(device: string): string {
  return `$device/${foreignName(device, "level")}`;
}

/** Where what is meant for one user goes, on all of the user's sessions. */
export function personalChannel(user: string): string {
  return `$user/${foreignName(user, "level")}`;
}
