// A page that a board serves, in a real browser, as in the documentation of Espruino's own module.
import { afterAll, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { Board } from "../devices/espruino/board.ts";
import { launchBrowser } from "./browser.mts";

const program = `
  var page = '<html><body><script>var ws;setTimeout(function(){';
  page += 'ws = new WebSocket("ws://" + location.host + "/my_websocket", "protocolOne");';
  page += 'ws.onmessage = function (event) { console.log("MSG:" + event.data); };';
  page += 'setTimeout(function() { ws.send("Hello to Espruino!"); }, 1000);';
  page += '},1000);</script></body></html>';
  function onPageRequest(req, res) {
    res.writeHead(200, {'Content-Type': 'text/html'});
    res.end(page);
  }
  var server = require('hearthwire').createServer(onPageRequest);
  server.listen(8000);
  server.on("websocket", function(ws) {
    ws.on('message', function(msg) { print("[WS] " + JSON.stringify(msg)); });
    ws.on('close', function() { print("gone"); });
    ws.send("Hello from Espruino!");
  });`;

let browser: Browser | undefined;
const board = new Board({ chunk: 268 });
afterAll(async () => {
  board.stop();
  await browser?.close();
});

test("A page from a board talks with it, one protocol named, until it is closed", async () => {
  board.run(program);
  const port = await board.port(8000);
  browser = await launchBrowser();
  const page = await browser.newPage();
  const heard = page.waitForEvent("console", { predicate: (message) => message.text().startsWith("MSG:") });
  await page.goto(`http://127.0.0.1:${port}/`);
  expect((await heard).text()).toBe("MSG:Hello from Espruino!");
  expect(await page.evaluate("ws.protocol")).toBe("protocolOne");
  await board.prints('[WS] "Hello to Espruino!"');
  await page.evaluate('ws.send("é".repeat(5000))');
  await page.evaluate('ws.send("still there")');
  await board.prints('[WS] "still there"');
  await page.close();
  await board.prints("gone");
  expect(board.uncaught).toEqual([]);
});
