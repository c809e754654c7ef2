import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  readAnswer,
  readEvents,
  readReply,
  shownBy,
  withId,
  withValues,
} from "../../../src/protocols/jeedomconnect/answer.ts";
import { questionText, readQuestion } from "../../../src/protocols/jeedomconnect/question.ts";
import { asUser, faultOf } from "../../../src/protocols/jeedomconnect/shield.ts";

const asked = (method: string, params: object = {}) => ({ method, params: { ...params }, id: "1" });

describe("A question", () => {
  test("is read as text and as bytes, and keeps its id as it was written", () => {
    const text = '{"jsonrpc":"2.0","id":1.50,"method":"PING","params":{}}';
    expect(readQuestion(text)).toEqual({ method: "PING", params: {}, id: "1.50" });
    expect(readQuestion(Buffer.from(text))).toEqual({ method: "PING", params: {}, id: "1.50" });
    expect(readQuestion('{"jsonrpc":"2.0","method":"PING","params":[]}')).toEqual({ ...asked("PING"), id: "99999" });
  });

  for (const [text, fault] of [
    ["", "it is no JSON"],
    ["[]", "it is no JSON object"],
    ['{"method":"PING"}', "`jsonrpc` must be 2.0"],
    ['{"jsonrpc":"2.0","method":5}', "`method` is no name"],
    ['{"jsonrpc":"2.0","method":""}', "`method` is no name"],
    ['{"jsonrpc":"2.0","method":"PING","params":[1]}', "`params` must be an object"],
  ] as const) {
    test(`${text || "(nothing)"} is none: ${fault}`, () => expect(readQuestion(text)).toEqual({ fault }));
  }

  test("is passed on without a say in where its answer goes", () => {
    const text = questionText(asked("PING", { connexionFrom: "WS", apiKey: "k" }), {});
    expect(text).toBe('{"jsonrpc":"2.0","id":1,"method":"PING","params":{"apiKey":"k"}}');
  });

  test("of arbitrary bytes or JSON is read or has a fault, and never throws", () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void readQuestion(bytes)));
    fc.assert(fc.property(fc.json(), (text) => void readQuestion(text)));
    const questions = fc.record({
      jsonrpc: fc.constant("2.0"),
      id: fc.jsonValue(),
      method: fc.stringMatching(/^[A-Z0-9_]{1,20}$/),
      params: fc.dictionary(fc.string(), fc.jsonValue()),
    });
    fc.assert(
      fc.property(questions, (question) => {
        const read = readQuestion(JSON.stringify(question));
        if ("fault" in read) throw new Error(read.fault);
        expect(JSON.parse(read.id)).toEqual(JSON.parse(JSON.stringify(question.id)));
        faultOf(read);
      }),
    );
  });
});

describe("An answer", () => {
  test("reaches the phone as the plugin wrote it, but for the keys, and with the phone's own id", () => {
    const text = '{"type":"X","payload":{"v":21.50,"u":"\\u00e9"},"id":"h","eqApiKey":"k","jeedomApiKey":"p"}';
    const answer = readAnswer(text);
    if (answer === undefined) throw new Error("It is none");
    expect(answer).toMatchObject({ type: "X", id: "h", eqApiKey: "k", jeedomApiKey: "p" });
    expect(withId(answer, "7")).toBe('{"type":"X","payload":{"v":21.50,"u":"\\u00e9"},"id":7}');
    expect(withId(answer, undefined)).toBe('{"type":"X","payload":{"v":21.50,"u":"\\u00e9"}}');
  });

  test("with other values has them once, also where it told values in several lists", () => {
    const list = '{"type":"CMD_INFO","payload":[{"id":"1","value":"2"}]}';
    const answer = readAnswer(`{"type":"SET_EVENTS","payload":[${list},{"type":"SC_INFO","payload":[]},${list}]}`);
    if (answer === undefined) throw new Error("It is none");
    expect(withValues(answer, ['{"id":"3","value":"4"}']).text).toBe(
      '{"type":"SET_EVENTS","payload":[{"type":"CMD_INFO","payload":[{"id":"3","value":"4"}]},{"type":"SC_INFO","payload":[]}]}',
    );
  });

  test("of SET_EVENTS is its cursors, and each list that holds something", () => {
    const lists = '{"type":"CMD_INFO","payload":[{"id":"1","value":"1.0"}]},{"type":"SC_INFO","payload":[]}';
    const cursors = '{"type":"DATETIME","payload":1700000003.47},{"type":"HIST_DATETIME","payload":1700000000}';
    const answer = readAnswer(`{"type":"SET_EVENTS","payload":[${cursors},${lists}]}`);
    expect(answer && readEvents(answer)).toEqual({
      cursors: { lastReadTimestamp: 1700000003.47, lastHistoricReadTimestamp: 1700000000 },
      values: ['{"id":"1","value":"1.0"}'],
      lists: ['{"type":"CMD_INFO","payload":[{"id":"1","value":"1.0"}]}'],
    });
  });

  test("that shows a phone all of its commands is known by its type; of others nothing is", () => {
    const entries = ['{"id":"1","value":"1.0"}', '{"id":"2"}'];
    const shown = (text: string) => {
      const answer = readAnswer(text);
      return answer && shownBy(answer);
    };
    expect(shown(`{"type":"SET_CMD_INFO","payload":[${entries}]}`)).toEqual(entries);
    expect(shown(`{"type":"WELCOME","payload":{"cmdInfo":[${entries}]}}`)).toEqual(entries);
    expect(shown(`{"type":"SET_INFO","payload":{"cmdInfo":[${entries}],"scInfo":[]}}`)).toEqual(entries);
    const whole = `{"config":{"cmdInfo":[]},"infos":{"cmdInfo":[${entries}]}}`;
    expect(shown(`{"type":"CONFIG_AND_INFOS","payload":${whole}}`)).toEqual(entries);
    for (const text of [
      '{"type":"WELCOME","payload":{"eqName":"x"}}',
      '{"type":"WELCOME","payload":[]}',
      '{"type":"CONFIG_AND_INFOS","payload":{"infos":[]}}',
      `{"type":"CMD_INFO","payload":[${entries}]}`,
      `{"type":"SET_JEEDOM_DATA","payload":{"cmdInfo":[${entries}]}}`,
    ])
      expect(shown(text)).toBeUndefined();
  });

  test("in a reply is its result; `ok` is nothing, and what is no reply is told apart", () => {
    const reply = readReply('{"jsonrpc":"2.0","id":1,"result":{"type":"X"}}');
    expect(reply).toMatchObject({ result: '{"type":"X"}', answer: { type: "X", text: '{"type":"X"}' } });
    expect(readReply('{"jsonrpc":"2.0","id":1,"result":"ok"}')).toEqual({ result: '"ok"', answer: undefined });
    for (const text of ["", "<html>", "{}", "[1]"]) expect(readReply(text)).toBeUndefined();
  });

  test("of arbitrary text never throws, and never has a key for a phone", () => {
    fc.assert(fc.property(fc.string(), (text) => void readReply(text)));
    const answers = fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("id", "payload", "eqApiKey")), fc.jsonValue());
    fc.assert(
      fc.property(answers, (members) => {
        const answer = readAnswer(JSON.stringify({ ...members, type: "SET_EVENTS", jeedomApiKey: "the key" }));
        if (answer === undefined) throw new Error("It is none");
        readEvents(answer);
        expect(Object.keys(JSON.parse(withId(answer, "1")))).not.toContain("jeedomApiKey");
        expect(JSON.parse(withId(answer, "1"))).toMatchObject({ type: "SET_EVENTS", id: 1 });
      }),
    );
  });
});

describe("Of the faults of the plugin's PHP", () => {
  test("13: a token that is part of a command line is not passed on", () => {
    expect(faultOf(asked("CONNECT", { token: "cH4:APA91b-x_y.z" }))).toBeUndefined();
    expect(faultOf(asked("CONNECT", {}))).toBeUndefined();
    for (const token of ["x; rm -rf /", "$(id)", "`id`", "a'b", 5]) {
      expect(faultOf(asked("CONNECT", { token }))).toBe("`token` is none");
    }
  });

  test("13: names of files do not lead out of their folder", () => {
    for (const [method, name] of [
      ["GET_LOG", "id"],
      ["GET_FILES", "folder"],
      ["REMOVE_FILE", "file"],
      ["REMOVE_FILES", "files"],
      ["SET_APP_CONFIG", "name"],
    ] as const) {
      expect(faultOf(asked(method, { [name]: "data/x..y.png" }))).toBeUndefined();
      for (const path of ["../../core/config/common.config.php", "a/../b", "..\\x", ["a", "../b"], [{ path: ".." }]]) {
        expect(faultOf(asked(method, { [name]: path }))).toBe(`\`${name}\` leads out of its folder`);
      }
    }
  });

  test("13: the level of a log names no other method", () => {
    expect(faultOf(asked("SET_LOG", { level: "info", text: "x" }))).toBeUndefined();
    expect(faultOf(asked("SET_LOG", { level: "removeAll", text: "x" }))).toBe("`level` is none of a log");
    expect(faultOf(asked("SET_LOG", { level: { toString: 0 } }))).toBe("`level` is none of a log");
  });

  test("14: equipments are not listed for nobody, and scenarios and commands run as who connected", () => {
    expect(faultOf(asked("GET_AVAILABLE_EQUIPEMENT"))).toBe("`userHash` is missing");
    expect(faultOf(asked("GET_AVAILABLE_EQUIPEMENT", { userHash: "h" }))).toBeUndefined();
    const scenario = asked("SC_EXEC", { id: "7", options: { tags: "a", user_id: "1", user_login: "admin" } });
    expect(asUser(scenario, { id: "7", login: "anna" }).params).toEqual({
      id: "7",
      options: { tags: "a", user_id: "7", user_login: "anna" },
    });
    const anna = { id: "7", login: "anna" };
    const options = { user_id: "7", user_login: "anna" };
    expect(asUser(asked("CMD_EXEC", { id: "1" }), anna).params).toEqual({ id: "1", options });
    const cmdList = [{ id: "1", options: { user_id: "1", slider: 5 } }, { id: "2" }];
    const all = [
      { id: "1", options: { slider: 5, ...options } },
      { id: "2", options },
    ];
    expect(asUser(asked("CMDLIST_EXEC", { cmdList }), anna).params).toEqual({ cmdList: all });
    expect(asUser(asked("CMDLIST_EXEC", { cmdList: { a: cmdList[0], b: cmdList[1] } }), anna).params).toEqual({
      cmdList: all,
    });
    expect(asUser(asked("GET_INFO"), anna)).toEqual(asked("GET_INFO"));
  });
});
