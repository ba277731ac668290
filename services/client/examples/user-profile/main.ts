/**
 * A user profile with fields of every class: a phone and a laptop write to it at the same time, each near another region.
 *
 *   node dist/services/client/examples/user-profile/main.js --data .forebay
 */
import {
  authoritative,
  counter,
  createClient,
  defineCollection,
  isForebayError,
  lww,
  map,
  set,
} from "../../index.ts";
import { findCluster, freshName, near, say } from "../cluster.ts";
import { applyEverywhere } from "../everywhere.ts";

const users = defineCollection("example_users", {
  displayName: lww.string(),
  likes: counter(),
  tags: set(),
  preferences: map<string>(),
  email: authoritative.string({ unique: true }),
});

const cluster = findCluster();
await applyEverywhere(cluster, users);
const ada = freshName("ada");
const email = `${ada}@example.org`;

const phone = createClient(near(cluster, 0));
const laptop = createClient(near(cluster, 1));

say("Both devices write at once; no region waits for another.");
const [fromPhone, fromLaptop] = await Promise.all([
  phone.collection(users).write(ada, {
    set: { displayName: "Ada" },
    inc: { likes: 1 },
    add: { tags: ["maths"] },
    put: { preferences: { theme: "dark" } },
  }),
  laptop.collection(users).write(ada, {
    inc: { likes: 2 },
    add: { tags: ["engines"] },
    put: { preferences: { language: "en" } },
  }),
]);
say(
  `phone: ${fromPhone.status} by ${fromPhone.region}; laptop: ${fromLaptop.status} by ${fromLaptop.region}`,
);

say("The address has to be nobody else's: the log decides, once for all regions.");
await phone.collection(users).write(ada, { set: { email } });
try {
  await laptop.collection(users).write(freshName("eve"), { set: { email } });
  throw new Error("two users have the same address");
} catch (error) {
  if (!isForebayError(error, "not-unique")) throw error;
  say(`a second user with it: ${error.detail}`);
}

say("With the sessions of both, a third device sees all of it, wherever it is.");
await Promise.all([fromPhone.committed(), fromLaptop.committed()]);
const tablet = createClient({ ...near(cluster, 2), session: phone.session.export() });
tablet.session.import(laptop.session.export());
const record = await tablet.collection(users).get(ada, { consistency: "linearizable" });
const { displayName, likes, tags, preferences } = record!.fields;
say(`${displayName}: ${likes} likes, ${tags?.join(" and ")}, ${JSON.stringify(preferences)}`);
