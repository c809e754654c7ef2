/** What the OpenAPI document tells of `/devices`; docs/unix-socket.md tells all. */
import { type DescribedPaths, jsonContent, refusedResponse } from "../../core/described-paths.ts";

export function describeDevices(): DescribedPaths {
  return {
    paths: {
      "/devices": {
        get: {
          tags: ["Devices (docs/unix-socket.md)"],
          summary: "A WebSocket for one device: what is sent to it, to all, and to its channels",
          security: [{}, { key: [] }],
          responses: { 101: { description: "A WebSocket." }, default: refusedResponse },
        },
        post: {
          tags: ["Devices (docs/unix-socket.md)"],
          summary: "Commands of the Unix socket, one after the other, for backends that are elsewhere",
          security: [{ key: [] }],
          requestBody: { required: true, description: "Commands, as in the Unix socket.", content: jsonContent({}) },
          responses: { 200: { description: "The answer of each command." }, default: refusedResponse },
        },
      },
    },
  };
}
