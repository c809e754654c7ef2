/**
 * The messages of the Protobuf encoding: names, numbers and types as the public schema of the protocol has them
 * (centrifugal/protocol, `definitions/client.proto`), as far as they are spoken here. Pure.
 */
import protobuf from "protobufjs/light.js";

/** `name: "number type"`; `*` before the type for a list, `map` for a map from texts. */
type Fields = Readonly<Record<string, string>>;

const messages: Readonly<Record<string, Fields>> = {
  Error: { code: "1 uint32", message: "2 string", temporary: "3 bool" },
  EmulationRequest: { node: "1 string", session: "2 string", data: "3 bytes" },
  Command: {
    id: "1 uint32",
    connect: "4 ConnectRequest",
    subscribe: "5 SubscribeRequest",
    unsubscribe: "6 ChannelRequest",
    publish: "7 PublishRequest",
    presence: "8 ChannelRequest",
    presence_stats: "9 ChannelRequest",
    history: "10 HistoryRequest",
    ping: "11 Empty",
    send: "12 DataOnly",
    rpc: "13 RPCRequest",
    refresh: "14 RefreshRequest",
    sub_refresh: "15 SubRefreshRequest",
  },
  Reply: {
    id: "1 uint32",
    error: "2 Error",
    push: "4 Push",
    connect: "5 ConnectResult",
    subscribe: "6 SubscribeResult",
    unsubscribe: "7 Empty",
    publish: "8 Empty",
    presence: "9 PresenceResult",
    presence_stats: "10 PresenceStatsResult",
    history: "11 HistoryResult",
    ping: "12 Empty",
    rpc: "13 DataOnly",
    refresh: "14 RefreshResult",
    sub_refresh: "15 Refresh",
  },
  Push: {
    channel: "2 string",
    pub: "4 Publication",
    join: "5 Coming",
    leave: "6 Coming",
    unsubscribe: "7 Unsubscribe",
    message: "8 DataOnly",
    subscribe: "9 Subscribe",
    disconnect: "11 Disconnect",
    refresh: "12 Refresh",
  },
  ClientInfo: { user: "1 string", client: "2 string", conn_info: "3 bytes", chan_info: "4 bytes" },
  Publication: {
    data: "4 bytes",
    info: "5 ClientInfo",
    offset: "6 uint64",
    tags: "7 map string",
    delta: "8 bool",
    time: "9 int64",
    channel: "10 string",
    key: "11 string",
    removed: "12 bool",
  },
  Coming: { info: "1 ClientInfo" },
  Unsubscribe: { code: "2 uint32", reason: "3 string" },
  Subscribe: { recoverable: "1 bool", epoch: "4 string", offset: "5 uint64", positioned: "6 bool", data: "7 bytes" },
  Disconnect: { code: "1 uint32", reason: "2 string", reconnect: "3 bool" },
  Refresh: { expires: "1 bool", ttl: "2 uint32" },
  ConnectRequest: {
    token: "1 string",
    data: "2 bytes",
    subs: "3 map SubscribeRequest",
    name: "4 string",
    version: "5 string",
    headers: "6 map string",
  },
  ConnectResult: {
    client: "1 string",
    version: "2 string",
    expires: "3 bool",
    ttl: "4 uint32",
    data: "5 bytes",
    subs: "6 map SubscribeResult",
    ping: "7 uint32",
    pong: "8 bool",
    session: "9 string",
    node: "10 string",
  },
  RefreshRequest: { token: "1 string" },
  RefreshResult: { client: "1 string", version: "2 string", expires: "3 bool", ttl: "4 uint32" },
  SubscribeRequest: {
    channel: "1 string",
    token: "2 string",
    recover: "3 bool",
    epoch: "6 string",
    offset: "7 uint64",
    data: "8 bytes",
    positioned: "9 bool",
    recoverable: "10 bool",
    join_leave: "11 bool",
    delta: "12 string",
    tf: "13 FilterNode",
    flag: "14 int64",
    type: "15 int32",
    phase: "16 int32",
    cursor: "17 string",
    limit: "18 int32",
  },
  SubscribeResult: {
    expires: "1 bool",
    ttl: "2 uint32",
    recoverable: "3 bool",
    epoch: "6 string",
    publications: "7 *Publication",
    recovered: "8 bool",
    offset: "9 uint64",
    positioned: "10 bool",
    data: "11 bytes",
    was_recovering: "12 bool",
    delta: "13 bool",
    type: "15 int32",
    phase: "16 int32",
    cursor: "17 string",
    state: "18 *Publication",
  },
  SubRefreshRequest: { channel: "1 string", token: "2 string" },
  ChannelRequest: { channel: "1 string" },
  PublishRequest: { channel: "1 string", data: "2 bytes", type: "3 int32", key: "4 string", removed: "5 bool" },
  PresenceResult: { presence: "1 map ClientInfo" },
  PresenceStatsResult: { num_clients: "1 uint32", num_users: "2 uint32" },
  StreamPosition: { offset: "1 uint64", epoch: "2 string" },
  HistoryRequest: { channel: "1 string", limit: "7 int32", since: "8 StreamPosition", reverse: "9 bool" },
  HistoryResult: { publications: "1 *Publication", epoch: "2 string", offset: "3 uint64" },
  RPCRequest: { data: "1 bytes", method: "2 string" },
  DataOnly: { data: "1 bytes" },
  Empty: {},
  FilterNode: {
    op: "1 string",
    key: "2 string",
    cmp: "3 string",
    val: "4 string",
    vals: "5 *string",
    nodes: "6 *FilterNode",
  },
};

function typeOf(name: string, fields: Fields): protobuf.Type {
  const type = new protobuf.Type(name);
  for (const [field, about] of Object.entries(fields)) {
    const [id = "", ...words] = about.split(" ");
    const kind = words.at(-1) ?? "";
    if (words[0] === "map") type.add(new protobuf.MapField(field, Number(id), "string", kind));
    else if (kind.startsWith("*")) type.add(new protobuf.Field(field, Number(id), kind.slice(1), "repeated"));
    else type.add(new protobuf.Field(field, Number(id), kind));
  }
  return type;
}

const root = new protobuf.Root();
for (const [name, fields] of Object.entries(messages)) root.add(typeOf(name, fields));
root.resolveAll();

export const commandType = root.lookupType("Command");
export const replyType = root.lookupType("Reply");
export const emulationType = root.lookupType("EmulationRequest");
