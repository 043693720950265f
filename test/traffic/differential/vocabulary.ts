// Words that meshes and requests share, so that what a rule says and what a client sends meet, or miss each other by little.

import fc from "fast-check";

export const PATHS = [
  "/",
  "/a",
  "/a/",
  "/ab",
  "/a/b",
  "/b",
  "/A/b",
  "/a/b/c",
  "/b/12",
  "/a%2Fb",
  "/a;b",
  "/c.d",
] as const;
export const PATTERNS = ["/a.*", "/b/[0-9]+", "/(a|b)/.*", ".*b", "/[^/]+", "(?i)/A/B", "/a/b", "/.*;.*"] as const;
export const HEADERS = ["x-a", "x-b", "user-agent"] as const;
export const VALUES = ["1", "yes", "Yes", "yes, no", "", "no"] as const;
export const VALUE_PATTERNS = ["y.*", "[0-9]+", ".*", "yes|no", "(?i)YES"] as const;
export const METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"] as const;
export const PARAMETERS = ["q", "r"] as const;
/** The first ones are those of services in the mesh, the others those that only the gateway knows. */
export const MESH_HOSTS = ["golden", "golden.default", "golden.default.svc.cluster.local", "silver"] as const;
export const EDGE_HOSTS = ["shop.test", "a.wild.test", "golden.test"] as const;

export const anyPath = fc.constantFrom(...PATHS);
export const anyHeader = fc.constantFrom(...HEADERS);
export const anyValue = fc.constantFrom(...VALUES);
export const anyMethod = fc.constantFrom(...METHODS);
