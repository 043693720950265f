// A control plane that is busy with a thousand others is waited for.

import { expect, spyOn, test } from "bun:test";
import { timers } from "../base/timer-wheel.ts";
import { ClientCall } from "./client.ts";
import { DEFAULT_KEEPALIVE } from "./listen.ts";
import { connectTo } from "./test-wire.ts";

test("no call is given up for SETTINGS that are late before a peer that vanished would be noticed", async () => {
  const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const arm = spyOn(timers, "arm");
  try {
    const connection = await connectTo(silent.port);
    const quiet = { onMessage() {}, onWritable() {}, onStatus() {} };
    new ClientCall(connection, "/t.T/Watch", { authority: "t" }, quiet).send(Buffer.from("first"));
    // The dialling's own deadline is over: it has connected.
    const waits = arm.mock.calls.filter(([deadline]) => deadline.armed).map(([, delayMs]) => delayMs);
    expect(Math.min(...waits)).toBe(DEFAULT_KEEPALIVE.keepaliveIntervalMs + DEFAULT_KEEPALIVE.keepaliveTimeoutMs);
  } finally {
    arm.mockRestore();
    silent.stop(true);
  }
});
