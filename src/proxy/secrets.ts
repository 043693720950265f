// The secrets that TLS uses, by name, and the contexts made of them. A renewed secret serves the next handshake; connections that
// live keep what they began with.

import { createTlsContext, type NativeContext } from "../net/tls-context.ts";
import { parseCertificates } from "../pki/certificate.ts";
import type { SecretContent } from "../table/accept/secret.ts";
import type { TlsSettings } from "../table/transport-socket.ts";
import { type TrustDomains, trustDomainsOf } from "./trust-domains.ts";

export class Secrets {
  readonly #contents = new Map<string, SecretContent>();
  readonly #contexts = new Map<string, NativeContext>();
  readonly #trustDomains = new Map<string, TrustDomains>();

  /** @returns why OpenSSL refuses the secret (a key of another certificate, bytes that are no certificate); it then changes nothing. */
  set(name: string, content: SecretContent): string | undefined {
    try {
      if (content.kind === "certificate") {
        createTlsContext({ certificate: content.chain, key: content.key.reveal(), roots: undefined }, "TLSv1.2");
      } else createTlsContext({ certificate: undefined, key: undefined, ...content }, "TLSv1.2");
    } catch (thrown) {
      const what = content.kind === "certificate" ? "certificate and key" : "roots";
      return `${what} cannot be used: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
    }
    const domains = content.kind === "roots" && content.trustDomains && trustDomainsOf(content.trustDomains);
    if (typeof domains === "string") return `roots cannot be used: ${domains}`;
    if (domains) this.#trustDomains.set(name, domains);
    else this.#trustDomains.delete(name);
    this.#contents.set(name, content);
    this.#contexts.clear();
    return undefined;
  }

  has(name: string): boolean {
    return this.#contents.has(name);
  }

  /** Whom each of the roots of that name vouches for; undefined: for everybody. */
  trustDomains(name: string): TrustDomains | undefined {
    return this.#trustDomains.get(name);
  }

  /** URIs in the certificate of that name. */
  urisOf(name: string): readonly string[] {
    const content = this.#contents.get(name);
    if (content?.kind !== "certificate") return [];
    const read = parseCertificates(content.chain);
    return read.kind === "parsed" ? (read.value[0]?.altNames.uris ?? []) : [];
  }

  /** A context of a certificate and roots by their secrets' names; undefined while one of them has not arrived. */
  context({ certificate, roots, minVersion, maxVersion, ciphers, curves }: TlsSettings): NativeContext | undefined {
    const key = [certificate, roots, minVersion, maxVersion, ciphers, curves].map((part) => part ?? "").join("\0");
    const known = this.#contexts.get(key);
    if (known) return known;
    const own = certificate === undefined ? undefined : this.#contents.get(certificate);
    const trusted = roots === undefined ? undefined : this.#contents.get(roots);
    if (certificate !== undefined && own?.kind !== "certificate") return undefined;
    if (roots !== undefined && trusted?.kind !== "roots") return undefined;
    const context = createTlsContext(
      {
        certificate: own?.kind === "certificate" ? own.chain : undefined,
        key: own?.kind === "certificate" ? own.key.reveal() : undefined,
        roots: trusted?.kind === "roots" ? trusted.roots : undefined,
        revoked: trusted?.kind === "roots" ? trusted.revoked : undefined,
      },
      minVersion,
      { maxVersion, ciphers, curves },
    );
    this.#contexts.set(key, context);
    return context;
  }

  /** Certificates and roots as they are used together, and those that nobody has used yet. */
  pairs(): readonly { readonly chain: string | undefined; readonly roots: string | undefined }[] {
    const used = new Set<string>();
    const pairs = [...this.#contexts.keys()].map((key) => {
      const [certificate = "", roots = ""] = key.split("\0");
      used.add(certificate).add(roots);
      return { chain: this.#pem(certificate), roots: this.#pem(roots) };
    });
    const unused = [...this.#contents.keys()].filter((name) => !used.has(name));
    const others = unused.map((name) => {
      const isRoots = this.#contents.get(name)?.kind === "roots";
      return { chain: isRoots ? undefined : this.#pem(name), roots: isRoots ? this.#pem(name) : undefined };
    });
    return [...pairs, ...others];
  }

  #pem(name: string): string | undefined {
    const content = this.#contents.get(name);
    return content?.kind === "certificate" ? content.chain : content?.roots;
  }

  /** The PEM chains held, for their expiry. */
  certificates(): { readonly name: string; readonly chain: string }[] {
    return [...this.#contents].flatMap(([name, content]) =>
      content.kind === "certificate" ? [{ name, chain: content.chain }] : [],
    );
  }
}
