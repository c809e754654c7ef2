/**
 * The protocol jeedomconnect: what phones with the app JeedomConnect speak, by three transports. Specified in README.md. One
 * object for each place where it is spoken: on the main listener, or at a listener of its own, whose WebSocket is at any path.
 */
import { Refused } from "../../core/refusals.ts";
import type { Answer, HttpProtocol, MaybePromise, Visit } from "../../ports.ts";
import type { EventStreamFace } from "./event-stream.ts";
import { type FilesFace, imageFolder } from "./files-face.ts";
import type { JsonRpcFace } from "./json-rpc-face.ts";
import type { WebSocketFace } from "./web-socket.ts";

/** What phones of one plugin are served by. */
export interface Faces {
  readonly webSocket: WebSocketFace;
  readonly eventStream: EventStreamFace;
  readonly jsonRpc: JsonRpcFace;
  readonly files: FilesFace;
}

export interface JeedomConnectPlace {
  /** Undefined where there is no bridge, or it was not said which. */
  readonly faces: () => Faces | undefined;
  /** On the main listener, beside others. */
  readonly isShared: boolean;
}

const folder = "/plugins/JeedomConnect";

/** The plugin's own paths. */
const pages: Readonly<Record<string, (faces: Faces, visit: Visit) => Promise<Answer>>> = {
  [`${folder}/core/api/JeedomConnect.api.php`]: ({ jsonRpc }, visit) => jsonRpc.answer(visit),
  [`${folder}/core/php/eventServer.php`]: ({ eventStream }, visit) => eventStream.visit(visit),
  [`${folder}/core/api/upload.api.php`]: ({ files }, visit) => files.upload(visit),
  [`${folder}/core/php/snapshot.php`]: ({ files }, visit) => files.snapshot(visit),
};

export class JeedomConnect implements HttpProtocol {
  readonly name = "jeedomconnect";
  readonly prefixes: readonly string[];
  /** Phones show a key with everything that they ask, which no web page knows; some of them send an Origin all the same. */
  readonly checksOrigins = true;
  readonly #place: JeedomConnectPlace;

  constructor(place: JeedomConnectPlace) {
    this.#place = place;
    this.prefixes = place.isShared ? ["/jeedomconnect", folder] : [];
  }

  visit(visit: Visit): MaybePromise<Answer> {
    const faces = this.#place.faces();
    if (faces === undefined) {
      throw new Refused(
        "notAvailable",
        "Cannot serve a phone: no bridge of type jeedomconnect is configured for this place",
      );
    }
    if (visit.wantsWebSocket) return visit.webSocket((outlet) => faces.webSocket.open(outlet));
    const page = Object.hasOwn(pages, visit.path) ? pages[visit.path] : undefined;
    if (page !== undefined) return page(faces, visit);
    if (visit.path.startsWith(imageFolder)) return faces.files.image(visit);
    throw new Refused("unknownChannel", "Cannot find that: there is a WebSocket, and the plugin's own paths");
  }
}
