/** What is shown once of a device: its key, and the QR code that brings key and addresses to it. */
import type { NewDeviceView } from "../http/api-shapes.ts";
import { note, print } from "./output.ts";
import { showQrCode } from "./qr-code.ts";

export interface QrOptions {
  /** A folder, or `false` for no QR code. */
  readonly qr: string | false;
}

/** The key alone goes to the standard output. */
export async function showDevice({ id, name, key, connection }: NewDeviceView, { qr }: QrOptions): Promise<void> {
  if (qr !== false) {
    const files = await showQrCode({ ...connection, key }, { folder: qr, name: `hearthwire-${id}` });
    note(`The QR code is in ${files.join(" and ")}: delete them when the device has it.`);
    const { internal, external } = connection;
    note(
      `In the house the device finds the gateway at ${internal?.http ?? "no address: see the options `listen` and `addresses`"},`,
    );
    note(`from outside at ${external?.http ?? "no address: see the option `public_url`"}.`);
  }
  print(key);
  note(`Device ${id} ("${name}") listens to $device/${id} with this key. It is not shown again.`);
}
