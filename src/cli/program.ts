/** The command line: every command with its options. docs/cli.md is made from it. */
import { Command } from "commander";
import { version } from "../../package.json" with { type: "json" };
import { addApi } from "./api.ts";
import { addBackup } from "./backup.ts";
import { addBridgePair } from "./bridge-pair.ts";
import { addConfigCheck } from "./config-check.ts";
import { addConfigPrint } from "./config-print.ts";
import { addConfigSchema } from "./config-schema.ts";
import { addDeviceAdd } from "./device-add.ts";
import { addDeviceAppQr } from "./device-app-qr.ts";
import { addDeviceList } from "./device-list.ts";
import { addDeviceRemove } from "./device-remove.ts";
import { addDeviceRotate } from "./device-rotate.ts";
import { addDeviceSet } from "./device-set.ts";
import { addDoctor } from "./doctor.ts";
import { addExport } from "./export.ts";
import { addGlobals } from "./globals.ts";
import { addImport } from "./import.ts";
import { addInit } from "./init.ts";
import { addJeedomConnect } from "./jeedomconnect.ts";
import { addKeyCreate } from "./key-create.ts";
import { addKeyList } from "./key-list.ts";
import { addKeyRevoke } from "./key-revoke.ts";
import { addPairingOpen } from "./pairing-open.ts";
import { addPublish } from "./publish.ts";
import { addReload } from "./reload.ts";
import { addRestart } from "./restart.ts";
import { addRestore } from "./restore.ts";
import { addServe } from "./serve.ts";
import { addSessions } from "./sessions.ts";
import { addStatus } from "./status.ts";
import { addSubscribe } from "./subscribe.ts";
import { addTokenCheck } from "./token-check.ts";
import { addTokenCreate } from "./token-create.ts";

type AddCommand = (parent: Command) => void;

const groups: readonly { readonly name: string; readonly about: string; readonly commands: readonly AddCommand[] }[] = [
  { name: "key", about: "make, show and revoke keys", commands: [addKeyCreate, addKeyList, addKeyRevoke] },
  {
    name: "device",
    about: "add, show, change and remove devices",
    commands: [addDeviceAdd, addDeviceList, addDeviceSet, addDeviceRotate, addDeviceRemove, addDeviceAppQr],
  },
  { name: "bridge", about: "connect home systems", commands: [addBridgePair] },
  { name: "pairing", about: "let clients of home systems' protocols get keys", commands: [addPairingOpen] },
  { name: "token", about: "sign and check tokens (JWT)", commands: [addTokenCreate, addTokenCheck] },
  {
    name: "config",
    about: "check and show the configuration",
    commands: [addConfigCheck, addConfigPrint, addConfigSchema],
  },
];

export function makeProgram(): Command {
  const program = new Command("hearthwire")
    .description("A real-time push gateway for the house.")
    .version(version, "--version", "show the version")
    .helpOption("--help", "show help")
    .helpCommand("help [command]", "show the help of a command")
    .showHelpAfterError("See `hearthwire --help`, or the command's own.")
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
  program.configureOutput({
    outputError: (text, write) => write(text.replace(/^error: /, "Cannot run this command: ")),
  });
  addGlobals(program);
  for (const add of [
    addServe,
    addInit,
    addJeedomConnect,
    addPublish,
    addSubscribe,
    addApi,
    addStatus,
    addReload,
    addRestart,
    addSessions,
    addDoctor,
    addBackup,
    addRestore,
    addExport,
    addImport,
  ])
    add(program);
  for (const { name, about, commands } of groups) {
    const group = program.command(name).description(about);
    for (const add of commands) add(group);
  }
  return program;
}
