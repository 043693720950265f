import { expect, test } from "bun:test";
import { applicationEnvironment, untilListening } from "./application.ts";
import { withLoopback } from "./loopback.ts";

test("the environment names the forward proxy in both spellings and keeps what the user excepted", () => {
  const env = applicationEnvironment(
    { A: "1", no_proxy: "a.example, b.example", HEDDLE_TOKEN: "secret" },
    15_080,
    8080,
  );
  expect(env).toEqual({
    A: "1",
    PORT: "8080",
    http_proxy: "http://127.0.0.1:15080",
    HTTP_PROXY: "http://127.0.0.1:15080",
    https_proxy: "http://127.0.0.1:15080",
    HTTPS_PROXY: "http://127.0.0.1:15080",
    no_proxy: "a.example,b.example,localhost,127.0.0.1,::1",
    NO_PROXY: "a.example,b.example,localhost,127.0.0.1,::1",
  });
});

test("a captured program is told nothing but its port", () => {
  expect(applicationEnvironment({ A: "1", HEDDLE_TOKEN: "secret" }, undefined, 8080)).toEqual({ A: "1", PORT: "8080" });
});

test("loopback addresses are added once", () => {
  expect(withLoopback("")).toBe("localhost,127.0.0.1,::1");
  expect(withLoopback("::1, localhost")).toBe("::1,localhost,127.0.0.1");
});

test("listening is noticed when it begins, and waiting ends when it is called off", async () => {
  const first = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = first;
  first.stop(true);
  const here = <T>(work: () => T): T => work();
  const waiting = untilListening(port, here, new AbortController().signal);
  const server = Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
  expect(await waiting).toBe(true);
  server.stop(true);
  expect(await untilListening(port, here, AbortSignal.abort())).toBe(false);
});
