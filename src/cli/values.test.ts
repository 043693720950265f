import { describe, expect, test } from "bun:test";
import { availableParallelism } from "node:os";
import { EXIT, Failure } from "../base/failure.ts";
import { concurrency, duration, hostPort, method, name, port, required, serverUrl, upstream } from "./values.ts";

function refusal(read: () => unknown): Failure {
  try {
    read();
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
  }
  throw new Error("was not refused");
}

describe("values of options", () => {
  test("ports are whole numbers in range; 0 only where any free port will do", () => {
    expect(port("--port")("8080")).toBe(8080);
    expect(port("--port", "free")("0")).toBe(0);
    for (const bad of ["0", "65536", "-1", "80a", "8e1", "", " 80", "0x50"]) {
      const failure = refusal(() => port("--port")(bad));
      expect(failure.message).toBe(`--port is not a port from 1 to 65535: ${JSON.stringify(bad)}`);
      expect(failure.exit).toBe(EXIT.usage);
      expect(failure.hint).toBe("--port 8080");
    }
  });

  test("methods are tokens, in capitals", () => {
    expect(["get", "M-SEARCH"].map(method)).toEqual(["GET", "M-SEARCH"]);
    for (const bad of ["", "BAD METHOD", "GET\r\n", "G(T"])
      expect(refusal(() => method(bad)).message).toBe(`--method is no method: ${JSON.stringify(bad)}`);
  });

  test("durations have a unit, and a least value", () => {
    expect(duration("--ttl", 0)("1h30m")).toBe(5_400_000);
    expect(refusal(() => duration("--ttl", 0)("20")).message).toBe('--ttl is not a duration: "20"');
    expect(refusal(() => duration("--ttl", 10_000)("5s")).hint).toBe("at least 10s");
  });

  test("concurrency is a number of cores, or all of them", () => {
    expect(concurrency("--concurrency")("3")).toBe(3);
    for (const all of ["0", "auto"]) expect(concurrency("--concurrency")(all)).toBe(availableParallelism());
    for (const bad of ["-1", "1025", "two", "1.5", ""]) {
      expect(refusal(() => concurrency("--concurrency")(bad)).exit).toBe(EXIT.usage);
    }
  });

  test("names are those of host names", () => {
    expect(name("--name")("golden-signal")).toBe("golden-signal");
    for (const bad of ["", "Golden", "a_b", "-a", "a.b", "x".repeat(64)]) refusal(() => name("--name")(bad));
  });

  test("addresses of control planes have a host and a port, IPv6 in brackets", () => {
    expect(hostPort("--c")("mesh.example.com:15012")).toEqual({ host: "mesh.example.com", port: 15_012 });
    expect(hostPort("--c")("[::1]:15012")).toEqual({ host: "::1", port: 15_012 });
    for (const bad of ["mesh", "mesh:", ":15012", "::1:15012", "http://mesh:15012", "mesh:99999"]) {
      refusal(() => hostPort("--c")(bad));
    }
  });

  test("upstreams collect", () => {
    const read = upstream("--upstream");
    expect(read("9192=other.shop:81", read("9191=golden-signal:80"))).toEqual([
      { port: 9191, host: "golden-signal", servicePort: 80 },
      { port: 9192, host: "other.shop", servicePort: 81 },
    ]);
    for (const bad of ["9191", "9191=host", "=host:80", "9191=ho st:80", "0=host:80", "9191=host:0"]) {
      refusal(() => read(bad));
    }
  });

  test("servers are URLs without path, query and credentials", () => {
    expect(serverUrl("--server")("http://127.0.0.1:15030/")).toBe("http://127.0.0.1:15030");
    for (const bad of ["127.0.0.1:15030", "ftp://x", "http://x/path", "http://x?q", "http://user:secret@x", "::"]) {
      refusal(() => serverUrl("--server")(bad));
    }
  });

  test("what is missing is named", () => {
    expect(required(0, "-f FILE")).toBe(0);
    expect(refusal(() => required(undefined, "-f FILE")).message).toBe("-f FILE is missing");
  });
});
