/** Who may call the helper: decided from the uid that the kernel reports for the socket, never from a message. */
import { readFileSync } from "node:fs";

export type Rights = "owner" | "members" | "none";

/** The group whose members may look, connect, disconnect and switch the interface. */
export const MEMBERS_GROUP = "ringway";

export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
}

export function rightsOf(uid: number, owners: ReadonlySet<number>, files: AccountFiles = readAccountFiles()): Rights {
  if (uid === 0 || owners.has(uid)) return "owner";
  return isMember(uid, files) ? "members" : "none";
}

/**
 * Root, the user of this process, the user who started it with sudo (which only root could have set), and the one whom
 * whoever started it named.
 */
export function ownersOf(
  named?: number,
  uid: number | undefined = process.getuid?.(),
  env: Readonly<Record<string, string | undefined>> = process.env,
): ReadonlySet<number> {
  const owners = new Set([0]);
  for (const owner of [uid, named]) if (owner !== undefined) owners.add(owner);
  const sudoUid = env.SUDO_UID;
  if (uid === 0 && sudoUid !== undefined && /^[0-9]{1,10}$/.test(sudoUid)) owners.add(Number(sudoUid));
  return owners;
}

/** The id of the group of members; undefined where the system has none. */
export function membersGroupId(files: AccountFiles = readAccountFiles()): number | undefined {
  return membersGroup(files)?.gid;
}

/** Read anew each time, so that a user added to the group needs no restart of the helper. */
function readAccountFiles(): AccountFiles {
  return { passwd: readOrEmpty("/etc/passwd"), group: readOrEmpty("/etc/group") };
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function isMember(uid: number, files: AccountFiles): boolean {
  const group = membersGroup(files);
  if (!group) return false;
  for (const line of files.passwd.split("\n")) {
    const [name, , id, primaryGid] = line.split(":");
    if (name !== undefined && id === String(uid)) {
      if (primaryGid === String(group.gid) || group.names.includes(name)) return true;
    }
  }
  return false;
}

function membersGroup(files: AccountFiles): { gid: number; names: string[] } | undefined {
  for (const line of files.group.split("\n")) {
    const [name, , gid, names] = line.split(":");
    if (name === MEMBERS_GROUP && gid !== undefined && /^[0-9]+$/.test(gid)) {
      return { gid: Number(gid), names: (names ?? "").split(",").filter((user) => user !== "") };
    }
  }
  return undefined;
}
