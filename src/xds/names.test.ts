import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  clusterName,
  listenerName,
  parseClusterName,
  parseListenerName,
  parseRouteName,
  parseServerName,
  parseVirtualHostName,
  routeName,
  serverName,
  virtualHostName,
} from "./names.ts";

const port = fc.integer({ min: 1, max: 65_535 });
const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/);
const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
const subset = fc.oneof(fc.constant(""), label);

describe("names", () => {
  test("have Istio's form", () => {
    const host = "golden-signal.default.svc.cluster.local";
    expect(clusterName({ direction: "outbound", port: 80, subset: "v1", host })).toBe(`outbound|80|v1|${host}`);
    expect(clusterName({ direction: "inbound", port: 8080, subset: "", host: "" })).toBe("inbound|8080||");
    expect(serverName({ port: 80, subset: "", host })).toBe(`outbound_.80_._.${host}`);
    expect(listenerName({ address: "0.0.0.0", port: 80 })).toBe("0.0.0.0_80");
    expect(routeName(80)).toBe("80");
    expect(virtualHostName({ route: "80", host: `${host}:80` })).toBe(`80/${host}:80`);
  });

  test("parse what was built", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("outbound" as const, "inbound" as const),
        port,
        subset,
        host,
        (direction, port, subset, host) => {
          expect(parseClusterName(clusterName({ direction, port, subset, host }))).toEqual({
            direction,
            port,
            subset,
            host,
          });
          expect(parseServerName(serverName({ port, subset, host }))).toEqual({ port, subset, host });
          expect(parseListenerName(listenerName({ address: host, port }))).toEqual({ address: host, port });
          expect(parseRouteName(routeName(port))).toBe(port);
          expect(parseVirtualHostName(virtualHostName({ route: `a/${host}`, host: `${host}:80` }))).toEqual({
            route: `a/${host}`,
            host: `${host}:80`,
          });
        },
      ),
    );
    expect(parseListenerName(listenerName({ address: "::1", port: 80 }))).toEqual({ address: "::1", port: 80 });
  });

  test("of another form are nothing", () => {
    for (const name of [
      "",
      "PassthroughCluster",
      "xds-grpc",
      "outbound|80|v1",
      "outbound|x|v1|h",
      "outbound|0||h",
      "outbound|65536||h",
      "a|80||h",
      "outbound|80||h|x",
    ]) {
      expect(parseClusterName(name)).toBeUndefined();
    }
    for (const name of [
      "",
      "example.com",
      "outbound_.80_.v1",
      "outbound_.80_._.",
      "inbound_.80_._.h",
      "outbound_.080_._.h",
      "outbound_.80_._.h_.x",
    ]) {
      expect(parseServerName(name)).toBeUndefined();
    }
    for (const name of ["", "virtualOutbound", "_80", "0.0.0.0_", "0.0.0.0_99999"])
      expect(parseListenerName(name)).toBeUndefined();
    for (const name of ["", "0", "80x", "inbound|80||"]) expect(parseRouteName(name)).toBeUndefined();
    expect(parseVirtualHostName("80")).toBeUndefined();
  });

  test("refuse a virtual host with a slash, which Envoy would look for in another route configuration", () => {
    expect(() => virtualHostName({ route: "80", host: "a/b" })).toThrow('virtual host must not hold a slash: "a/b"');
  });
});
