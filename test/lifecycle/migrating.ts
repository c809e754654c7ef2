/** What packaging/sysctl.conf sets, for the tests of one file. */
import { afterAll, beforeAll } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";

const migrate = "/proc/sys/net/ipv4/tcp_migrate_req";

/** Connections that wait to be accepted go to the successor, where the kernel is told so. */
export function migrateConnections(): void {
  let before: string | undefined;
  beforeAll(() => {
    try {
      const found = readFileSync(migrate, "utf8");
      writeFileSync(migrate, "1");
      before = found;
    } catch (thrown) {
      console.warn(`Cannot set net.ipv4.tcp_migrate_req: a connection may be reset in this test (${String(thrown)})`);
    }
  });
  afterAll(() => {
    if (before !== undefined) writeFileSync(migrate, before);
  });
}
