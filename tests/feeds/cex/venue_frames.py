"""Control frames as the exchanges document them, and what each of them means. Shared by the tests beside it."""

from bot.feeds.cex.venue import (
    Acknowledged,
    Halted,
    Heartbeat,
    Ignored,
    Pong,
    Refused,
    Resumed,
    Shutdown,
    TooFast,
)

BINANCE = (
    # web-socket-streams.md: subscribing, properties, error messages, server shutdown raw and combined; websocket API
    (b'{"result":null,"id":1}', Acknowledged()),
    (b'{"result":null,"id":"abc"}', Acknowledged()),
    (b'{"result":["btcusdt@aggTrade"],"id":3}', Ignored),
    (b'{"result":true,"id":2}', Ignored),
    (b'{"code": 0, "msg": "Unknown property","id": 1}', Refused(None, "Unknown property (0)")),
    (
        b'{"code": 2, "msg": "Invalid request: too many parameters"}',
        Refused(None, "Invalid request: too many parameters (2)"),
    ),
    (
        b'{"error":{"code":4,"msg":"Too many subscriptions"},"id":19}',
        Refused(None, "Too many subscriptions (4)"),
    ),
    (b'{"e":"serverShutdown","E":1770123456789}', Shutdown("serverShutdown")),
    (
        b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
        Shutdown("serverShutdown"),
    ),
    (b'{"event":{"e":"serverShutdown","E":1770123456789}}', Shutdown("serverShutdown")),
    # errors.md, as bodies of REST answers
    (b'{"code":-1121,"msg":"Invalid symbol."}', Refused(None, "Invalid symbol. (-1121)")),
    (b'{"code":-1003,"msg":"Too many requests queued."}', TooFast("Too many requests queued. (-1003)")),
    (b'{"code":-1008,"msg":"Server is currently overloaded."}', Ignored),
    (b'{"e":"referencePrice","s":"BAZUSD","r":"1.00","t":1770313263917}', Ignored),
)
COINBASE = (
    (
        (
            b'{"channel":"subscriptions","client_id":"","timestamp":"2026-04-07T14:30:00.000000Z","sequence_num":0,'
            b'"events":[{"subscriptions":{"level2":["BTC-USD"],"market_trades":["BTC-USD","ETH-USD"]}}]}'
        ),
        Acknowledged("BTC-USD"),
    ),
    (
        (
            b'{"channel":"subscriptions","client_id":"","timestamp":"2026-04-07T14:30:00.000000Z","sequence_num":1,'
            b'"events":[{"subscriptions":{"level2":["BTC-USD","ETH-USD"],"heartbeats":["heartbeats"]}}]}'
        ),
        Acknowledged(),
    ),
    (
        (
            b'{"channel":"heartbeats","client_id":"","timestamp":"2026-04-07T14:30:10.000000Z","sequence_num":2,'
            b'"events":[{"current_time":"2026-04-07 14:30:10.000000000+00:00","heartbeat_counter":42}]}'
        ),
        Heartbeat(),
    ),
    # coinbase-advanced-py issues 64 and 92; gocryptotrader pull request 1421
    (b'{"type":"error","message":"authentication failure"}', Refused(None, "authentication failure")),
    (
        b'{"type":"error","message":"Failed to subscribe","reason":"FOO-USD is not a valid product"}',
        Refused("FOO-USD", "Failed to subscribe: FOO-USD is not a valid product"),
    ),
    (b'{"type":"error","message":"rate limit exceeded"}', TooFast("rate limit exceeded")),
    (b'{"type":"error"}', Refused(None, "an error without words")),
    (b'{"channel":"status","sequence_num":3,"events":[{"type":"snapshot","products":[]}]}', Ignored),
)
KRAKEN = (
    # spot-websocket-v2: status, heartbeat, ping, book, ticker
    (
        (
            b'{"channel":"status","type":"update","data":[{"system":"online","api_version":"v2",'
            b'"connection_id":12345678901234567890,"version":"2.0.0"}]}'
        ),
        Resumed(),
    ),
    (
        (
            b'{"channel":"status","type":"update","data":[{"system":"maintenance","api_version":"v2",'
            b'"connection_id":12345678901234567890,"version":"2.0.0"}]}'
        ),
        Halted("system maintenance"),
    ),
    (b'{"channel":"status","type":"update","data":[{"system":"cancel_only"}]}', Halted("system cancel_only")),
    (b'{"channel":"status","type":"update","data":[{"system":"post_only"}]}', Halted("system post_only")),
    (b'{"channel":"status","type":"update","data":[{}]}', Halted("system unknown")),
    (b'{"channel":"status","type":"update","data":[]}', Ignored),
    (
        (
            b'{"channel":"status","type":"update","data":[{"system":"online","upcoming_maintenance":[{"stage":'
            b'"imminent_5m","services":["spot_ws"],"action":"disconnect_and_wait"}],"emergency":[]}]}'
        ),
        Resumed(),
    ),
    (b'{"channel":"heartbeat"}', Heartbeat()),
    (
        (
            b'{"method":"pong","req_id":42,"time_in":"2023-09-25T09:05:00.123456Z","time_out":'
            b'"2023-09-25T09:05:00.123500Z"}'
        ),
        Pong(1_695_632_700_123_500_000),
    ),
    (b'{"method":"pong","req_id":42}', Pong()),
    (
        (
            b'{"method":"subscribe","result":{"channel":"book","depth":10,"snapshot":true,"symbol":"ALGO/USD"},'
            b'"success":true,"time_in":"2023-10-06T17:35:55.219022Z","time_out":"2023-10-06T17:35:55.219067Z"}'
        ),
        Acknowledged("ALGO/USD"),
    ),
    (
        (
            b'{"method":"subscribe","result":{"channel":"ticker","symbol":"BTC/USD","snapshot":true},"success":true,'
            b'"time_in":"2023-09-25T09:04:31.742599Z","time_out":"2023-09-25T09:04:31.742648Z","req_id":1}'
        ),
        Acknowledged("BTC/USD"),
    ),
    (
        b'{"method":"unsubscribe","result":{"channel":"book","depth":100,"symbol":"BTC/USD"},"success":true}',
        Ignored,
    ),
    (
        (
            b'{"error":"Currency pair not supported XBT/USD","method":"subscribe","req_id":1,"success":false,'
            b'"symbol":"XBT/USD","time_in":"2023-10-06T17:35:55.219022Z","time_out":"2023-10-06T17:35:55.219067Z"}'
        ),
        Refused("XBT/USD", "Currency pair not supported XBT/USD"),
    ),
    (
        b'{"error":"Subscription depth not supported","method":"subscribe","success":false,"symbol":"BTC/USD"}',
        Refused("BTC/USD", "Subscription depth not supported"),
    ),
    (b'{"error":"Already subscribed","method":"subscribe","success":false,"symbol":"BTC/USD"}', Ignored),
    (b'{"error":"EService:Unavailable","method":"subscribe","success":false,"symbol":"BTC/USD"}', Ignored),
    (
        b'{"error":"Subscription Not Found","method":"unsubscribe","success":false,"symbol":"BTC/USD"}',
        Ignored,
    ),
    (b'{"Error":"Exceeded msg rate"}', TooFast("Exceeded msg rate")),
    (
        b'{"error":"EAPI:Rate limit exceeded","method":"subscribe","success":false}',
        TooFast("EAPI:Rate limit exceeded"),
    ),
)
OKX = (
    (b"pong", Pong()),
    (
        b'{"id":"1512","event":"subscribe","arg":{"channel":"tickers","instId":"BTC-USDT"},"connId":"accb8e21"}',
        Acknowledged("BTC-USDT"),
    ),
    (
        b'{"event":"unsubscribe","arg":{"channel":"tickers","instId":"BTC-USDT"},"connId":"d0b44253"}',
        Ignored,
    ),
    (
        (
            b'{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. '
            b'Please reconnect.","connId":"a4d3ae55"}'
        ),
        Shutdown(
            "The connection will soon be closed for a service upgrade. Please reconnect. (64008)",
        ),
    ),
    (b'{"event":"notice","code":"64999","msg":"Something new","connId":"a4d3ae55"}', Ignored),
    (b'{"event":"channel-conn-count","channel":"orders","connCount":"2","connId":"abcd1234"}', Ignored),
    (
        b'{"event":"channel-conn-count-error","channel":"orders","connCount":"30","connId":"a4d3ae55"}',
        TooFast("30 connections have orders already"),
    ),
    (
        (
            b'{"event":"error","code":"60012","msg":"Invalid request: {\\"op\\": \\"subscribe\\", \\"argss\\":[{ '
            b'\\"channel\\" : \\"tickers\\", \\"instId\\" : \\"BTC-USDT\\"}]}","connId":"a4d3ae55"}'
        ),
        Ignored(
            'Invalid request: {"op": "subscribe", "argss":[{ "channel" : "tickers", "instId" : "BTC-USDT"}]} (60012)',
        ),
    ),
    (
        b'{"event":"error","msg":"channel:tickers,instId:LTC-USD doesn\'t exist","code":"60018"}',
        Refused("LTC-USD", "channel:tickers,instId:LTC-USD doesn't exist (60018)"),
    ),
    (
        (
            b'{"event":"error","msg":"Wrong URL or channel:candle1s,instId:BTC-USDT-SWAP doesn\'t exist.","code":"60018",'
            b'"connId":"2b5dc6ac"}'
        ),
        Refused("BTC-USDT-SWAP", "Wrong URL or channel:candle1s,instId:BTC-USDT-SWAP doesn't exist. (60018)"),
    ),
    (
        b'{"event":"error","id":"FOOxUSDTx7","code":"60013","msg":"Invalid args"}',
        Refused("FOO-USDT", "Invalid args (60013)"),
    ),
    (b'{"event":"error","code":60013,"msg":"Invalid args"}', Refused(None, "Invalid args (60013)")),
    (
        b'{"event":"error","code":"60014","msg":"Requests too frequent"}',
        TooFast("Requests too frequent (60014)"),
    ),
    (b'{"event":"error","code":"63999","msg":"Internal system error"}', Ignored),
    (b'{"event":"login","code":"0","msg":"","connId":"a4d3ae55"}', Ignored),
)
BYBIT = (
    # wss-authentication.mdx: pongs and answers of spot, futures and options
    (
        b'{"success":true,"ret_msg":"pong","conn_id":"0970e817-426e-429a-a679-ff7f55e0b16a","op":"ping"}',
        Pong(),
    ),
    (b'{"success":true,"ret_msg":"pong","conn_id":"465772b1","req_id":"","op":"ping"}', Pong()),
    (b'{"args":["1672916271846"],"op":"pong"}', Pong(1_672_916_271_846_000_000)),
    (
        b'{"req_id":"test","op":"pong","args":["1675418560633"],"conn_id":"cfcb"}',
        Pong(1_675_418_560_633_000_000),
    ),
    (b'{"op":"pong","args":["soon"]}', Pong()),
    (
        (
            b'{"success":true,"ret_msg":"subscribe","conn_id":"2324d924-aa4d-45b0-a858-7b8be29ab52b","req_id":"10001",'
            b'"op":"subscribe"}'
        ),
        Acknowledged(),
    ),
    (
        b'{"success":true,"ret_msg":"","conn_id":"3cd8","req_id":"ETHUSDT.4","op":"subscribe"}',
        Acknowledged("ETHUSDT"),
    ),
    (b'{"success":true,"ret_msg":"","conn_id":"3cd8","req_id":"ETHUSDT.5","op":"unsubscribe"}', Ignored),
    (
        (
            b'{"success":false,"ret_msg":"error:handler not found,topic:orderbook.50.FOOUSDT","conn_id":"x","req_id":"",'
            b'"op":"subscribe"}'
        ),
        Refused("FOOUSDT", "error:handler not found,topic:orderbook.50.FOOUSDT"),
    ),
    (
        b'{"success":false,"ret_msg":"Invalid topic","conn_id":"x","req_id":"FOOUSDT.3","op":"subscribe"}',
        Refused("FOOUSDT", "Invalid topic"),
    ),
    (
        (
            b'{"success":false,"ret_msg":"Invalid topic: invalid.topic.BTCUSDT","conn_id":"cejreaspqfm9se7usbrg-2xh",'
            b'"op":"subscribe"}'
        ),
        Refused(None, "Invalid topic: invalid.topic.BTCUSDT"),
    ),
    (b'{"success":false,"ret_msg":"","op":"subscribe"}', Refused(None, "an error without words")),
    (b'{"success":false,"ret_msg":"Already subscribed orderbook.1.X","op":"subscribe"}', Ignored),
    (
        b'{"success":false,"ret_code":10006,"ret_msg":"Too many visits!","op":"subscribe"}',
        TooFast("Too many visits!"),
    ),
    (b'{"retCode":20003,"success":false,"ret_msg":"slow down","op":"subscribe"}', TooFast("slow down")),
    (
        b'{"success":true,"conn_id":"aa01","data":{"failTopics":[],"successTopics":["orderbook.100.X"]},"type":"COMMAND_RESP"}',
        Ignored,
    ),
)
FRAMES = {
    "binance": BINANCE,
    "binance-usdm": BINANCE,
    "coinbase": COINBASE,
    "kraken": KRAKEN,
    "okx": OKX,
    "bybit": BYBIT,
}
