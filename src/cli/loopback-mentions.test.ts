import { expect, test } from "bun:test";
import { loopbackMentions } from "./loopback-mentions.ts";

const addresses = (command: string[], env: Record<string, string> = {}, own: number[] = []) =>
  loopbackMentions(command, env, own).map(({ where, address, instead }) => `${where} ${address} ${instead}`);

test("addresses on the loopback interface are found in variables and arguments, without what stands around them", () => {
  const env = {
    DATABASE_URL: "postgres://me:secret@localhost:5432/db",
    PATH: "/usr/bin",
    CACHE: "127.0.0.1:6379,127.0.1.1:1",
  };
  expect(addresses(["node", "server.js", "--api=http://[::1]:9000/"], env)).toEqual([
    "arguments [::1]:9000 host.heddle.internal:9000",
    "DATABASE_URL localhost:5432 host.heddle.internal:5432",
    "CACHE 127.0.0.1:6379 host.heddle.internal:6379",
    "CACHE 127.0.1.1:1 host.heddle.internal:1",
  ]);
});

test("the program's own ports, other hosts, and addresses without a port are none", () => {
  expect(
    addresses(["curl", "localhost:8080", "notlocalhost:1", "my.localhost:2", "10.127.0.0.1:3"], {}, [8080]),
  ).toEqual([]);
  expect(addresses(["ping", "localhost", "127.0.0.1"])).toEqual([]);
});
