// How a sidecar comes to its control plane: the one of this machine, whose state folder mints its token, or a remote one, which the
// token itself proves.

import { connect } from "node:tls";
import type { ControlPlane } from "../agent/sidecar.ts";
import { parseAddress } from "../base/cidr.ts";
import { EXIT, Failure } from "../base/failure.ts";
import { Secret } from "../base/secret.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { bundlePem } from "../pki/bundle.ts";
import { type Certificate, parseCertificate } from "../pki/certificate.ts";
import { type JoinTokenClaims, pinnedBundle, readJoinToken } from "../pki/join-token.ts";
import { unwrap } from "../pki/parsed.ts";
import { serviceAccountId } from "../pki/spiffe.ts";
import { controlPlaneIdentity } from "./control-plane-identity.ts";
import { requireNote, stateFolder } from "./state-folder.ts";
import type { HostPort } from "./values.ts";

/** What a sidecar needs to join. */
export interface Access {
  readonly controlPlane: ControlPlane;
  readonly token: Secret;
  readonly trustDomain: string;
  readonly clusterId: string;
  readonly certificateTtlMs: number;
  /** Of this machine, on the way to the control plane: peers reach it by the same. */
  readonly localAddress: string;
}

export interface AccessOptions {
  readonly state?: string;
  readonly token?: string;
  readonly controlPlane?: HostPort;
}

export interface Account {
  readonly namespace: string;
  readonly name: string;
}

/** A token that is minted here is used at once; minutes are for a slow machine. */
const LOCAL_TOKEN_TTL_MS = 600_000;
/** As much as is asked for; the authority gives what its policy allows. */
const REMOTE_CERTIFICATE_TTL_MS = 86_400_000;
const CONNECT_TIMEOUT_MS = 5_000;

/** Rejects with a Failure: no control plane, no token, a token that is expired or of another authority. */
export async function accessControlPlane(options: AccessOptions, account: Account): Promise<Access> {
  const token = options.token === undefined ? undefined : new Secret(options.token);
  if (options.controlPlane === undefined) return localAccess(options, account, token);
  if (token === undefined) {
    throw new Failure("a remote control plane needs a join token", {
      hint: "make one with `heddle token` on its machine, and give it with --token or HEDDLE_TOKEN",
      exit: EXIT.usage,
    });
  }
  return remoteAccess(options.controlPlane, token);
}

async function localAccess(options: AccessOptions, account: Account, given: Secret | undefined): Promise<Access> {
  const folder = stateFolder(options.state);
  const { trustDomain, clusterId, certificateTtlMs, discovery, identity, roots } = requireNote(folder);
  if (given) claimsOf(given);
  const id = unwrap(serviceAccountId(trustDomain, account));
  // Only here is the authority's code loaded: a sidecar with a token does without.
  const { mintToken } = await import("./token.ts");
  const token = given ?? (await mintToken(folder, { kind: "identity", id }, LOCAL_TOKEN_TTL_MS));
  const controlPlane = { ...discovery, roots, identity };
  // Where other machines reach the control plane, they reach this machine's workloads, too.
  const localAddress = parseAddress(discovery.host) ? discovery.host : "127.0.0.1";
  return { controlPlane, token, trustDomain, clusterId, certificateTtlMs, localAddress };
}

async function remoteAccess({ host, port }: HostPort, token: Secret): Promise<Access> {
  const claims = claimsOf(token);
  const { certificates, localAddress } = await firstContact(host, port);
  const bundle = pinnedBundle(claims, certificates);
  if (bundle.kind === "malformed") {
    throw new Failure(`the control plane at ${host}:${port} cannot be trusted: ${bundle.reason}`, {
      hint: "is --control-plane the one that the token was made by?",
    });
  }
  const { trustDomain } = claims;
  return {
    controlPlane: { host, port, roots: bundlePem(bundle.value), identity: controlPlaneIdentity(trustDomain).uri },
    token,
    trustDomain,
    clusterId: DEFAULT_SETTINGS.cluster,
    certificateTtlMs: REMOTE_CERTIFICATE_TTL_MS,
    localAddress,
  };
}

function claimsOf(token: Secret): JoinTokenClaims {
  const claims = readJoinToken(token.reveal());
  if (claims.kind === "malformed") {
    throw new Failure(`the join token cannot be read: ${claims.reason}`, {
      hint: "copy it whole, as `heddle token` printed it",
      exit: EXIT.usage,
    });
  }
  if (claims.value.expiresMs > Date.now()) return claims.value;
  throw new Failure(`the join token expired at ${new Date(claims.value.expiresMs).toISOString()}`, {
    hint: "make a new one with `heddle token` where the control plane runs; --ttl says for how long",
  });
}

interface FirstContact {
  /** The chain that the server shows, root included. Nothing of it is believed before the token's fingerprints are compared. */
  readonly certificates: readonly Certificate[];
  readonly localAddress: string;
}

function firstContact(host: string, port: number): Promise<FirstContact> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) =>
      reject(
        new Failure(`cannot reach the control plane at ${host}:${port}: ${reason}`, {
          hint: "check --control-plane, and that its --host is not loopback",
        }),
      );
    const socket = connect(
      { host, port, rejectUnauthorized: false, ALPNProtocols: ["h2"], minVersion: "TLSv1.3" },
      () => {
        const found: Certificate[] = [];
        const { localAddress = "127.0.0.1" } = socket;
        const seen = new Set<string>();
        for (
          let peer = socket.getPeerCertificate(true);
          peer?.raw && !seen.has(peer.fingerprint256);
          peer = peer.issuerCertificate
        ) {
          seen.add(peer.fingerprint256);
          const parsed = parseCertificate(peer.raw);
          if (parsed.kind === "parsed") found.push(parsed.value);
        }
        socket.destroy();
        resolve({ certificates: found, localAddress });
      },
    );
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => {
      socket.destroy();
      fail("no answer");
    });
    socket.on("error", (error) => fail(error.message));
  });
}
