// Who may connect: decided of a connection, before its bytes go anywhere.

import { expect } from "bun:test";
import { until } from "../../../src/base/until-fixture.ts";
import { type CaseConfiguration, DIRECT } from "./configuration.ts";
import { extension, type Message } from "./message.ts";
import { type Traffic, traffic } from "./traffic.ts";

const rbac = (fields: Message) =>
  extension("envoy.filters.network.rbac", "extensions.filters.network.rbac.v3.RBAC", fields);
const rules = (action: string, policies: Record<string, Message>): Message => ({ action, policies });
const from = (address_prefix: string): Message => ({
  permissions: [{ any: true }],
  principals: [{ direct_remote_ip: { address_prefix, prefix_len: 32 } }],
});
const NOBODY = "10.0.0.1";
const CLIENT = "127.0.0.1";

function bytesAfter(filter: Message): CaseConfiguration {
  return {
    endpoints: ["bytes"],
    tcp: {},
    filtersBefore: [filter],
    log: { shadow: "%DYNAMIC_METADATA(envoy.filters.network.rbac)%" },
  };
}

/** Of this case's prefix: allowed, denied, and the same of the shadow. */
async function counts({ process }: Traffic, prefix: string, shadow = ""): Promise<(number | undefined)[]> {
  const lines = (await process.admin("/stats/prometheus")).split("\n");
  // Envoy has the shadow's prefix in the name, Heddle in a label.
  const value = (...parts: readonly string[]) => {
    const line = lines.find((one) => one.includes(`="${prefix}"`) && parts.every((part) => one.includes(part)));
    return line === undefined ? undefined : Number(line.split(" ").at(-1));
  };
  return [
    value("envoy_rbac_allowed"),
    value("envoy_rbac_denied"),
    value(shadow, "_shadow_allowed"),
    value(shadow, "_shadow_denied"),
  ];
}

traffic(
  "a connection that rules allow, with a shadow that would refuse it",
  {
    legs: DIRECT,
    ...bytesAfter(
      rbac({
        stat_prefix: "first",
        rules: rules("ALLOW", { mine: from(CLIENT) }),
        shadow_rules: rules("DENY", { "not mine": from(CLIENT) }),
        shadow_rules_stat_prefix: "dry_",
      }),
    ),
  },
  async (given) => {
    const raw = await given.client.connect();
    raw.send("hello");
    await raw.hears("hello");
    raw.reset();
    const [line] = await given.logs(1);
    expect(line).toMatchObject({ flags: "-", termination: "-", received: "5", sent: "5" });
    expect(JSON.parse(line!.shadow!)).toEqual({
      dry_shadow_effective_policy_id: "not mine",
      dry_shadow_engine_result: "denied",
    });
    await until("the counts", async () => (await counts(given, "first", "dry_")).join() === "1,0,0,1");
  },
);

const REFUSING: CaseConfiguration = bytesAfter(
  rbac({
    stat_prefix: "second.",
    enforcement_type: "CONTINUOUS",
    rules: rules("DENY", { "no way": from(CLIENT) }),
    shadow_rules: rules("ALLOW", { good: from(NOBODY) }),
  }),
);
const REFUSED = { flags: "-", termination: "rbac_access_denied_matched_policy[no_way]", sent: "0" };

async function isRefused(given: Traffic): Promise<void> {
  const raw = await given.client.connect();
  raw.send("hello");
  await raw.isClosed();
  expect(raw.text).toBe("");
  const [line] = await given.logs(1);
  expect(line).toMatchObject(REFUSED);
  expect(JSON.parse(line!.shadow!)).toEqual({ shadow_engine_result: "denied" });
}

traffic(
  "a connection that rules deny",
  {
    legs: DIRECT,
    ...REFUSING,
    differs: {
      envoy: {
        because: "it decides when the client's first byte comes, and is connected by then",
        expect: async (given) => {
          await isRefused(given);
          expect((await given.logs(1))[0]).toMatchObject({ attempts: "1", received: "5" });
          await until("the connection", () => given.application.bytes.connections.length === 1);
        },
      },
    },
  },
  async (given) => {
    await isRefused(given);
    expect((await given.logs(1))[0]).toMatchObject({ attempts: "0", received: "0" });
    expect(given.application.bytes.connections).toHaveLength(0);
    expect(await counts(given, "second")).toEqual([0, 1, 0, 1]);
  },
);

traffic(
  "nobody is refused by a shadow, whoever is to be held by rules that are not there",
  {
    legs: DIRECT,
    ...bytesAfter(rbac({ stat_prefix: "third", shadow_rules: rules("DENY", { all: from(CLIENT) }) })),
  },
  async ({ client }) => {
    const raw = await client.connect();
    raw.send("hello");
    await raw.hears("hello");
  },
);

traffic(
  "who is refused is held for a while, and nothing goes on meanwhile",
  {
    legs: DIRECT,
    ...bytesAfter(rbac({ stat_prefix: "fourth", rules: rules("ALLOW", {}), delay_deny: "0.3s" })),
  },
  async ({ client, logs }) => {
    const raw = await client.connect();
    raw.send("hello");
    expect((await logs(1))[0]).toMatchObject({ termination: "rbac_access_denied_matched_policy[none]" });
    await raw.isClosed();
    expect(raw.text).toBe("");
  },
);
