import { describe, expect, it } from "vitest";
import { membersGroupId, ownersOf, rightsOf } from "./access.ts";
import { defaultSocketPath, helperSocketPath } from "./socket-path.ts";

const files = {
  passwd:
    "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:77::/:/bin/sh\neve:x:1002:1002::/:/bin/sh\n",
  group: "root:x:0:\nringway:x:77:ann,zoe\n",
};

describe("rights", () => {
  it.each([
    ["root", 0, "owner"],
    ["who started the helper", 4000, "owner"],
    ["a listed member", 1000, "members"],
    ["one whose first group it is", 1001, "members"],
    ["anyone else", 1002, "none"],
    ["a uid without account", 9999, "none"],
  ] as const)("of %s", (_who, uid, rights) => {
    expect(rightsOf(uid, new Set([0, 4000]), files)).toBe(rights);
  });

  it("are nobody's where the group does not exist", () => {
    expect(rightsOf(1000, new Set([0]), { ...files, group: "root:x:0:\n" })).toBe("none");
    expect(membersGroupId({ ...files, group: "" })).toBeUndefined();
    expect(membersGroupId(files)).toBe(77);
  });
});

describe("owners", () => {
  it.each([
    [0, {}, [0]],
    [0, { SUDO_UID: "1000" }, [0, 1000]],
    [0, { SUDO_UID: "1000; id" }, [0]],
    [1000, { SUDO_UID: "1002" }, [0, 1000]],
  ])("of a helper with uid %d and %j", (uid, env, owners) => {
    expect([...ownersOf(undefined, uid, env)]).toEqual(owners);
  });
});

describe("socket path", () => {
  const own = "/run/user/1000/ringway.sock";
  const env = { XDG_RUNTIME_DIR: "/run/user/1000" };
  it.each([
    ["the variable before all", { RINGWAY_SOCKET: "/x" }, [own], "/x"],
    ["the system's where there is one", env, ["/run/ringway/ringway.sock", own], "/run/ringway/ringway.sock"],
    ["the user's where there is no other", env, [own], own],
    ["the system's where there is none", env, [], "/run/ringway/ringway.sock"],
  ])("of a client: %s", (_name, variables, existing, path) => {
    expect(defaultSocketPath({ platform: "linux", env: variables, exists: (name) => existing.includes(name) })).toBe(
      path,
    );
  });

  it("of a helper: the system's for root, the user's for others", () => {
    expect(helperSocketPath({ platform: "linux", env, uid: 0 })).toBe("/run/ringway/ringway.sock");
    expect(helperSocketPath({ platform: "linux", env, uid: 1000 })).toBe(own);
  });
});
