/**
 * A shop: every region sells from the same stock without asking another, and a payment is captured once, however often the
 * customer presses the button, and whatever breaks in between.
 *
 *   node dist/services/client/examples/checkout/main.js --data .forebay
 */
import { authoritative, createClient, defineCollection, escrow, isForebayError, lww } from "../../index.ts";
import { findCluster, freshName, near, say } from "../cluster.ts";
import { applyEverywhere } from "../everywhere.ts";
import { losingAnswers } from "./losing-answers.ts";

const products = defineCollection("example_products", { name: lww.string(), stock: escrow({ min: 0 }) });
const orders = defineCollection("example_orders", {
  product: lww.string(),
  status: authoritative.states({ pending: ["paid", "cancelled"], paid: ["shipped"] }, { initial: "pending" }),
  captures: authoritative.integer({ default: 0 }),
});

const STOCK = 30;
const PIECES = 4;

const cluster = findCluster();
await applyEverywhere(cluster, products, orders);
const lamp = freshName("lamp");
const order = freshName("order");
const shops = Object.keys(cluster.regions).map((_, place) => createClient(near(cluster, place)));

say(`${STOCK} lamps come in, and are shared out among the regions.`);
await shops[0]!
  .collection(products)
  .write(lamp, { set: { name: "Lamp" }, give: { stock: STOCK } }, { until: "committed" });

say("Once it has arrived everywhere, every region sells at once.");
for (const shop of shops) {
  shop.session.import(shops[0]!.session.export());
  await shop.collection(products).get(lamp);
}
const sold = await Promise.all(shops.map((shop, place) => sell(shop, `${order}-${place}`)));
say(`sold ${sold.join(" + ")} in ${Object.keys(cluster.regions).join(", ")}`);

say("Nobody sells more than there is.");
try {
  await shops[0]!.collection(products).write(lamp, { take: { stock: STOCK } });
  throw new Error("oversold");
} catch (error) {
  if (!isForebayError(error, "insufficient")) throw error;
  say(`${STOCK} more: refused, ${error.left.total} are left in all`);
}

say("The customer pays; the connection breaks before the answer comes; the client asks again by itself.");
await shops[0]!.collection(orders).write(order, { set: { product: lamp } });
const customer = createClient({
  ...cluster,
  // The payment comes after what the shop has written, whichever region it goes to.
  session: shops[0]!.session.export(),
  platform: { fetch: losingAnswers({ method: "PATCH", times: 1 }) },
});
const first = await pay();
say(`first press: ${first.status}${first.isReplayed ? ", by the try whose answer was lost" : ""}`);
const second = await pay();
say(`second press: ${second.status}, the same operation: ${String(second.operation === first.operation)}`);
const paid = await customer.collection(orders).get(order, { consistency: "linearizable" });
say(`the order is ${paid!.fields.status}, captured ${paid!.fields.captures} time`);
if (paid!.fields.captures !== 1) throw new Error("captured more than once");

/** The take is named after the order: sent again, it takes nothing more. */
async function sell(shop: (typeof shops)[number], name: string): Promise<number> {
  const idempotencyKey = `${name}/take`;
  await shop.collection(products).write(lamp, { take: { stock: PIECES } }, { idempotencyKey });
  await shop.collection(orders).write(name, { set: { product: lamp } });
  return PIECES;
}

/** The payment is named after the order, too; the state allows it once. */
function pay() {
  return customer
    .collection(orders)
    .write(
      order,
      { set: { status: "paid" }, inc: { captures: 1 }, if: { fields: { status: "pending" } } },
      { idempotencyKey: `${order}/pay` },
    );
}
