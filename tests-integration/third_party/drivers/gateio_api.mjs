// The npm client gateio-api: `node gateio_api.mjs CLIENT ANNOUNCEMENT (spot | futures)`, with NODE_PATH set.
// As the other drivers, it tells each step as a line of JSON and ends when its input does.

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { RestClient, WebsocketAPIClient, WebsocketClient, DefaultLogger } = require('gateio-api');
const { version } = JSON.parse(
  require('node:fs').readFileSync(`${process.env.NODE_PATH}/gateio-api/package.json`, 'utf8'),
);

const [client, text, kind] = process.argv.slice(2);
const announcement = JSON.parse(text);
const urls = announcement.gateio;
const isSpot = kind === 'spot';
const PAIR = 'BTC_USDT';
const SYMBOL = isSpot ? 'BTC/USDT' : 'BTC/USDT:USDT';
const WS_KEY = isSpot ? 'spotV4' : 'perpFuturesUSDTV4';
const ORDER = isSpot ? 1.5 : 2000;
const TAKEN = isSpot ? 0.05 : 100;
const BOOKS = 30;
const PARTLY_AWAY = 0.002;
const FAR_AWAY = 0.07;

process.stdin.on('end', () => process.exit(1));
process.stdin.resume();

// What every driver does

class ClientAtFault extends Error {}

async function step(name, act) {
  const line = { client, version, step: name, ok: true, detail: '', fault: '' };
  try {
    line.detail = (await act()) ?? '';
  } catch (error) {
    line.ok = false;
    line.fault = error instanceof ClientAtFault ? 'client' : '';
    line.detail = line.fault ? error.message : `${error?.name ?? 'Error'}: ${error?.message ?? JSON.stringify(error)}`.slice(0, 300);
  }
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function check(condition, what) {
  if (!condition) throw new Error(what);
}

async function until(condition, what) {
  for (let left = 400; left > 0; left -= 1) {
    const found = await condition();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`${what} did not come within 10 s`);
}

// The sandbox's truth

async function control(path, query = {}, body = undefined) {
  const url = `${announcement.control}/${path}?${new URLSearchParams(query)}`;
  const answer = await fetch(url, body && { method: 'POST', body: JSON.stringify(body) });
  const told = await answer.json();
  check(answer.ok, `${path}: ${JSON.stringify(told)}`);
  return told;
}

const trueBook = (id = 0) => control('book', { venue: 'gateio', symbol: SYMBOL, update_id: id });

async function account() {
  const state = await control('state', { venue: 'gateio', symbol: SYMBOL, depth: 1 });
  return state.venues.gateio.accounts.find((one) => one.uid === urls.credentials.uid);
}

async function happened(event) {
  const { entries } = await control('journal', { limit: 100000 });
  const { uid } = urls.credentials;
  return entries.filter((one) => one.event === event && one.uid === uid && one.symbol === SYMBOL);
}

const trueOrder = async (id) => (await happened('order')).filter((one) => String(one.id) === String(id)).at(-1);
const trueFills = async () => happened('fill');

async function balances() {
  const { balances: wallets } = await account();
  const held = Object.entries(wallets[isSpot ? 'spot' : 'futures_usdt']);
  return new Map(held.filter(([, one]) => Number(one.free) || Number(one.locked)));
}

async function priceAway(share) {
  const best = (await trueBook()).bids[0][0];
  return (Number(best) * (1 - share)).toFixed(best.split('.')[1].length);
}

async function fillPartly(id) {
  for (let tries = 0; tries < 20; tries += 1) {
    const { price, filled } = await trueOrder(id);
    if (Number(filled)) return;
    const ahead = (await trueBook()).bids.filter(([at]) => Number(at) > Number(price));
    const before = ahead.reduce((sum, [, size]) => sum + Number(size), 0);
    const oneBetter = (Number(price) + 0.1).toFixed(1);
    for (const [quantity, at] of [[(2 * before).toFixed(isSpot ? 6 : 0), oneBetter], [TAKEN, price]]) {
      const order = { venue: 'gateio', symbol: SYMBOL, side: 'sell', price: at, time_in_force: 'ioc' };
      if (Number(quantity)) await control('orders', {}, { ...order, quantity: String(quantity) });
    }
  }
  throw new Error(`nobody came to order ${id}`);
}

const same = (one, other) => String(one) === String(other) || Number(one) === Number(other);

function sameBook(bids, asks, truth) {
  for (const [name, levels] of [['bids', bids], ['asks', asks]]) {
    check(levels.length > 0, `no ${name}`);
    levels.forEach(([price, size], at) => {
      const [truePrice, trueSize] = truth[name][at];
      check(
        same(price, truePrice) && same(size, trueSize),
        `${name} level ${at + 1} is ${price} ${size}, in truth ${truePrice} ${trueSize}, at ${truth.update_id}`,
      );
    });
  }
  return `${bids.length} bids and ${asks.length} asks at ${truth.update_id}`;
}

const pairs = (levels) => levels.map((one) => (Array.isArray(one) ? one : [one.p, one.s]));

// The client: what differs between its two markets

const keys = { apiKey: urls.credentials.key, apiSecret: urls.credentials.secret };
const rest = new RestClient({ ...keys, baseUrl: urls.rest });
const settle = 'usdt';

const spot = {
  markets: async () => (await rest.getSpotCurrencyPairs()).map((one) => one.id),
  book: () => rest.getSpotOrderBook({ currency_pair: PAIR, limit: 50, with_id: true }),
  trades: () => rest.getSpotTrades({ currency_pair: PAIR, limit: 20 }),
  place: async (price) =>
    (
      await rest.submitSpotOrder({
        currency_pair: PAIR, type: 'limit', account: 'spot', side: 'buy', amount: String(ORDER), price,
      })
    ).id,
  market: async (side) => {
    const amount = side === 'buy' ? '500' : '0.002';
    const order = { currency_pair: PAIR, type: 'market', account: 'spot', side, amount, time_in_force: 'ioc' };
    return (await rest.submitSpotOrder(order)).id;
  },
  order: async (id) => {
    const order = await rest.getSpotOrder({ order_id: id, currency_pair: PAIR });
    return { status: order.status, filled: order.filled_amount };
  },
  list: async (status) => (await rest.getSpotOrders({ currency_pair: PAIR, status })).map((one) => one.id),
  cancel: (id) => rest.cancelSpotOrder({ order_id: id, currency_pair: PAIR }),
  fills: async () =>
    (await rest.getSpotTradingHistory({ currency_pair: PAIR })).map((one) => [one.id, one.price, one.amount, one.fee]),
  balances: async () =>
    new Map(
      (await rest.getSpotAccounts())
        .filter((one) => Number(one.available) || Number(one.locked))
        .map((one) => [one.currency, { free: one.available, locked: one.locked }]),
    ),
  streams: { book: [PAIR, '50', '100ms'], trades: [PAIR], orders: [PAIR], usertrades: [PAIR], balances: undefined },
  bookOf: ({ result }) => [result.lastUpdateId, result.bids, result.asks],
  fillOf: (one) => [one.id, one.price, one.amount],
  finished: (one) => one.event === 'finish' && one.finish_as === 'cancelled',
  filledOf: (one) => Number(one.amount) - Number(one.left),
  balanceOf: (one) => one.total,
};

const futures = {
  markets: async () => (await rest.getFuturesContracts({ settle })).map((one) => one.name),
  book: () => rest.getFuturesOrderBook({ settle, contract: PAIR, limit: 50, with_id: true }),
  trades: () => rest.getFuturesTrades({ settle, contract: PAIR, limit: 20 }),
  place: async (price) => (await rest.submitFuturesOrder({ settle, contract: PAIR, size: ORDER, price, tif: 'gtc' })).id,
  market: async (side) => {
    const size = side === 'buy' ? 50 : -20;
    return (await rest.submitFuturesOrder({ settle, contract: PAIR, size, price: '0', tif: 'ioc' })).id;
  },
  order: async (id) => {
    const order = await rest.getFuturesOrder({ settle, order_id: String(id) });
    const status = order.status === 'open' ? 'open' : { filled: 'closed', cancelled: 'cancelled' }[order.finish_as];
    return { status, filled: Math.abs(order.size) - Math.abs(order.left) };
  },
  list: async (status) => (await rest.getFuturesOrders({ settle, contract: PAIR, status })).map((one) => one.id),
  cancel: (id) => rest.cancelFuturesOrder({ settle, order_id: String(id) }),
  fills: async () =>
    (await rest.getFuturesTradingHistory({ settle, contract: PAIR })).map((one) => [
      one.id, one.price, Math.abs(one.size), one.fee,
    ]),
  balances: async () => {
    const { currency, total } = await rest.getFuturesAccount({ settle });
    return new Map([[currency, { free: total, locked: '0' }]]);
  },
  position: async () => (await rest.getFuturesPosition({ settle, contract: PAIR })).size,
  streams: {
    book: [PAIR, '20', '0'],
    trades: [PAIR],
    orders: [String(urls.credentials.uid), PAIR],
    usertrades: [String(urls.credentials.uid), PAIR],
    balances: [String(urls.credentials.uid)],
    positions: [String(urls.credentials.uid), PAIR],
  },
  bookOf: ({ result }) => [result.id, result.bids, result.asks],
  fillOf: (one) => [one.id, one.price, Math.abs(one.size)],
  finished: (one) => one.status === 'finished' && one.finish_as === 'cancelled',
  filledOf: (one) => Math.abs(one.size) - Math.abs(one.left),
  balanceOf: (one) => one.balance,
};

const market = isSpot ? spot : futures;

// The steps

async function byRest() {
  const placed = [];
  await step('markets', async () => {
    const markets = await market.markets();
    check(markets.includes(PAIR), `no ${PAIR} among ${markets}`);
    return `${markets.length} markets`;
  });
  await step('book', async () => {
    const book = await market.book();
    return sameBook(pairs(book.bids), pairs(book.asks), await trueBook(book.id));
  });
  await step('trades', async () => {
    const trades = await market.trades();
    check(trades.length > 0 && trades.every((one) => Number(one.price)), JSON.stringify(trades[0]));
    return `${trades.length} trades`;
  });
  await step('place limit', async () => {
    const price = await priceAway(FAR_AWAY);
    placed.push(await market.place(price));
    const order = await trueOrder(placed[0]);
    check(same(order.price, price) && same(order.quantity, ORDER), JSON.stringify(order));
    return `${ORDER} at ${price}`;
  });
  await step('query', async () => {
    const seen = await market.order(placed[0]);
    check(seen.status === 'open' && same(seen.filled, 0), JSON.stringify(seen));
  });
  await step('open orders', async () => {
    const seen = await market.list('open');
    check(String(seen) === String(placed), `${seen}, in truth ${placed}`);
    return `${seen.length} open`;
  });
  await step('cancel', async () => {
    await market.cancel(placed[0]);
    check((await account()).open_orders.length === 0, 'in truth it is still open');
    check((await market.order(placed[0])).status === 'cancelled', 'the client does not see it');
  });
  await step('partial fill', async () => {
    placed.push(await market.place(await priceAway(PARTLY_AWAY)));
    await fillPartly(placed[1]);
    const before = await market.order(placed[1]);
    check(before.status === 'open' && Number(before.filled) > 0, JSON.stringify(before));
    await market.cancel(placed[1]);
    const { filled } = await trueOrder(placed[1]);
    const seen = await market.order(placed[1]);
    check(seen.status === 'cancelled' && same(seen.filled, filled), `${filled} filled, not ${JSON.stringify(seen)}`);
    return `${filled} of ${ORDER}`;
  });
  await step('market orders', async () => {
    for (const side of ['buy', 'sell']) {
      placed.push(await market.market(side));
      const seen = await market.order(placed.at(-1));
      const order = await trueOrder(placed.at(-1));
      check(seen.status === 'closed' && same(seen.filled, order.filled), `${JSON.stringify(seen)}`);
    }
  });
  if (market.position) {
    await step('positions', async () => {
      const size = (await account()).positions.find((one) => one.symbol === SYMBOL)?.size;
      const seen = await market.position();
      check(same(seen, size), `${seen}, in truth ${size}`);
      return `${size} contracts`;
    });
  }
  await step('history', async () => {
    const seen = (await market.list('finished')).map(String).sort();
    check(String(seen) === String(placed.map(String).sort()), `${seen}, in truth ${placed}`);
    return `${seen.length} orders`;
  });
  await step('my trades', async () => {
    const seen = new Map((await market.fills()).map((one) => [String(one[0]), one]));
    const truth = await trueFills();
    check(seen.size === truth.length, `${seen.size} of ${truth.length}`);
    for (const fill of truth) {
      const [, price, quantity, fee] = seen.get(String(fill.id)) ?? [];
      check(same(price, fill.price) && same(quantity, fill.quantity) && same(fee, fill.fee), JSON.stringify(fill));
    }
    return `${truth.length} fills, prices, quantities and fees`;
  });
  await step('balances', async () => {
    const [seen, truth] = [await market.balances(), await balances()];
    check(String([...seen.keys()].sort()) === String([...truth.keys()].sort()), `${[...seen.keys()]}`);
    for (const [asset, { free, locked }] of truth) {
      const one = seen.get(asset);
      check(same(one.free, free) && same(one.locked, locked), `${asset}: ${JSON.stringify(one)}, not ${free} ${locked}`);
    }
    return `${truth.size} assets`;
  });
}

async function byStream() {
  const url = isSpot ? urls.ws_spot : urls.ws_futures_usdt;
  const quiet = { ...DefaultLogger, trace() {}, info() {}, error() {} };
  const socket = new WebsocketClient({ ...keys, wsUrl: url }, quiet);
  const heard = {};
  const told = [];
  socket.on('update', (message) => {
    const channel = message.channel.split('.')[1];
    const one = Array.isArray(message.result) ? message.result : [message.result];
    (heard[channel] ??= []).push(...one.map((result) => ({ result, channel })));
  });
  socket.on('exception', (error) => told.push(JSON.stringify(error)));
  socket.on('response', (answer) => answer.event === 'subscribe' && told.push(answer.channel));
  const prefix = isSpot ? 'spot' : 'futures';
  const topic = (name, payload) => ({ topic: `${prefix}.${name}`, payload });
  const { book, ...others } = market.streams;
  const topics = [topic('order_book', book), ...Object.entries(others).map(([name, payload]) => topic(name, payload))];
  socket.subscribe(topics, WS_KEY);
  await step('streamed book', async () => {
    await until(() => (heard.order_book?.length ?? 0) >= BOOKS, `${BOOKS} books (${told})`);
    let last = '';
    for (const message of heard.order_book.slice(-BOOKS)) {
      const [id, bids, asks] = market.bookOf(message);
      last = sameBook(pairs(bids), pairs(asks), await trueBook(id));
    }
    return `${BOOKS} states, the last ${last}`;
  });
  await step('streamed trades', async () => {
    await until(() => heard.trades?.length, 'a trade');
    return `${heard.trades.length} trades`;
  });
  const id = await market.place(await priceAway(PARTLY_AWAY));
  await fillPartly(id);
  await market.cancel(id);
  await step('user stream: orders', async () => {
    const { filled } = await trueOrder(id);
    const last = await until(
      () => heard.orders?.find(({ result }) => same(result.id, id) && market.finished(result)),
      `the cancel of ${id} (${told})`,
    );
    const seen = market.filledOf(last.result);
    check(Math.abs(seen - Number(filled)) < 1e-9, `${filled} filled, told ${seen}`);
    return `${heard.orders.length} updates, ${filled} of ${ORDER} filled`;
  });
  await step('user stream: fills', async () => {
    const truth = (await trueFills()).filter((fill) => same(fill.order, id));
    await until(() => (heard.usertrades?.length ?? 0) >= truth.length, 'every fill');
    for (const fill of truth) {
      const seen = heard.usertrades.map(({ result }) => market.fillOf(result)).find((one) => same(one[0], fill.id));
      check(seen && same(seen[1], fill.price) && same(seen[2], fill.quantity), `${seen}, not ${JSON.stringify(fill)}`);
    }
    return `${truth.length} fills`;
  });
  await step('user stream: balances', async () => {
    const { free, locked } = (await balances()).get('USDT');
    const total = Number(free) + Number(locked);
    const usdt = ({ result }) => (result.currency ?? 'USDT').toUpperCase() === 'USDT';
    await until(() => {
      const last = heard.balances?.filter(usdt).at(-1);
      return last && Math.abs(Number(market.balanceOf(last.result)) - total) < 1e-9;
    }, `a balance of ${total}`);
    return `${total} USDT`;
  });
  if (market.position) {
    await step('user stream: positions', async () => {
      const size = (await account()).positions.find((one) => one.symbol === SYMBOL)?.size;
      await until(() => same(heard.positions?.at(-1)?.result.size, size), `a position of ${size}`);
      return `${size} contracts`;
    });
  }
  socket.closeAll(true);
  await orderBySocket(url, quiet);
}

async function orderBySocket(url, quiet) {
  const api = new WebsocketAPIClient({ ...keys, wsUrl: url, attachEventListeners: false }, quiet);
  const answers = [];
  api.getWSClient().on('response', (answer) => answers.push(answer));
  const price = await priceAway(FAR_AWAY);
  const order = isSpot
    ? { currency_pair: PAIR, type: 'limit', account: 'spot', side: 'buy', amount: String(ORDER), price, text: 't-ws' }
    : { contract: PAIR, size: ORDER, price, tif: 'gtc', text: 't-ws' };
  await step('orders by WebSocket: answer of place', async () => {
    const placed = isSpot ? await api.submitNewSpotOrder(order) : await api.submitNewFuturesOrder(order);
    if (placed.ack) {
      throw new ClientAtFault('its promise is kept by the acknowledgement already; the order is in the second answer');
    }
  });
  await step('orders by WebSocket', async () => {
    const last = await until(() => answers.find((one) => !one.ack && one.data?.result?.id), 'the second answer');
    const { id } = last.data.result;
    check(same((await trueOrder(id)).price, price), JSON.stringify(last));
    const which = isSpot ? { order_id: id, currency_pair: PAIR } : { order_id: String(id) };
    const seen = isSpot ? await api.getSpotOrderStatus(which) : await api.getFuturesOrderStatus(which);
    check(seen.data.result.status === 'open', JSON.stringify(seen));
    await (isSpot ? api.cancelSpotOrder(which) : api.cancelFuturesOrder(which));
    check((await account()).open_orders.length === 0, 'in truth it is still open');
    return 'place, query, cancel';
  });
  api.getWSClient().closeAll(true);
}

await byRest();
await byStream();
process.exit(0);
