"""Frames as the exchanges' documents and others' recorded test data show them; where each comes from stands beside it."""

# binance-spot-api-docs, web-socket-streams.md
BINANCE_BOOK_TICKER = (
    b'{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}'
)
BINANCE_DEPTH = b'{"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":157,"u":160,"b":[["0.0024","10"]],"a":[["0.0026","100"]]}'
BINANCE_COMBINED = b'{"stream":"bnbbtc@depth@100ms","data":' + BINANCE_DEPTH + b"}"
BINANCE_SHUTDOWN = b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}'
BINANCE_ACK = b'{"result":null,"id":1}'
BINANCE_ERROR = b'{"error":{"code":2,"msg":"Invalid request: unknown variant"},"id":1}'
BINANCE_REST = b'{"lastUpdateId":156,"bids":[["0.0023","5.00000000"]],"asks":[["0.0027","6.00000000"]]}'
# nautilus_trader, crates/adapters/binance/test_data/futures/market_data_json
USDM_BOOK_TICKER = (
    b'{"e":"bookTicker","u":400900217,"E":1568014460893,"T":1568014460891,"s":"BNBUSDT","b":"25.35190000",'
    b'"B":"31.21000000","a":"25.36520000","A":"40.66000000","st":1,"ps":"BNBUSDT"}'
)
USDM_DEPTH = (
    b'{"e":"depthUpdate","E":123456789,"T":123456788,"s":"BTCUSDT","ps":"BTCUSDT","st":1,"U":157,"u":160,"pu":149,'
    b'"b":[["0.0024","10"]],"a":[["0.0026","100"]]}'
)
# nautilus_trader, crates/adapters/coinbase/test_data
COINBASE_SNAPSHOT = (
    b'{"channel":"l2_data","client_id":"","timestamp":"2026-04-07T14:30:00.123456Z","sequence_num":0,"events":'
    b'[{"type":"snapshot","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"2026-04-07T14:30:00.123456Z",'
    b'"price_level":"68900.00","new_quantity":"1.50000000"},{"side":"offer","event_time":"2026-04-07T14:30:00.123456Z",'
    b'"price_level":"68901.00","new_quantity":"0.50000000"}]}]}'
)
COINBASE_HEARTBEAT = (
    b'{"channel":"heartbeats","client_id":"","timestamp":"2026-04-07T14:30:10.000000Z","sequence_num":1,"events":'
    b'[{"current_time":"2026-04-07 14:30:10.000000 +0000 UTC m=+1.0","heartbeat_counter":42}]}'
)
COINBASE_UPDATE = (
    b'{"channel":"l2_data","client_id":"","timestamp":"2026-04-07T14:30:10.5Z","sequence_num":2,"events":'
    b'[{"type":"update","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"2026-04-07T14:30:10.5Z",'
    b'"price_level":"68900.00","new_quantity":"0.00000000"},{"side":"bid","event_time":"2026-04-07T14:30:10.5Z",'
    b'"price_level":"68899.50","new_quantity":"2"}]}]}'
)
COINBASE_SUBSCRIPTIONS = (
    b'{"channel":"subscriptions","client_id":"","timestamp":"2026-04-07T14:30:11Z","sequence_num":3,"events":'
    b'[{"subscriptions":{"level2":["BTC-USD"],"heartbeats":["heartbeats"]}}]}'
)
COINBASE_ERROR = b'{"type":"error","message":"failure to subscribe"}'
# nautilus_trader, crates/adapters/kraken/test_data; the levels are cut there, so that the checksum is of another book
KRAKEN_SNAPSHOT = (
    b'{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[{"price":105944.20,"qty":0.136}],'
    b'"asks":[{"price":105944.30,"qty":0.5}],"checksum":2439117997,"timestamp":"2023-10-06T17:35:55.440295Z"}]}'
)
KRAKEN_TICKER = (
    b'{"channel":"ticker","type":"snapshot","data":[{"symbol":"BTC/USD","bid":105944.20,"bid_qty":2.5,"ask":105944.30,'
    b'"ask_qty":3.2,"last":105944.20,"volume":163.28,"vwap":105904.39,"low":104711.00,"high":106613.10,"change":250.00,'
    b'"change_pct":0.24,"timestamp":"2023-10-06T17:35:55.440295Z"}]}'
)
KRAKEN_ACK = (
    b'{"method":"subscribe","result":{"channel":"book","symbol":"BTC/USD","depth":10,"snapshot":true},"success":true,'
    b'"time_in":"2023-10-06T17:35:55.440295Z","time_out":"2023-10-06T17:35:55.440295Z","req_id":1}'
)
KRAKEN_REFUSED = (
    b'{"error":"Currency pair not supported XX/YY","method":"subscribe","success":false,"symbol":"XX/YY"}'
)
KRAKEN_HEARTBEAT = b'{"channel":"heartbeat"}'
KRAKEN_STATUS = (
    b'{"channel":"status","type":"update","data":[{"version":"2.0.4","system":"online","api_version":"v2",'
    b'"connection_id":13834774380200032777}]}'
)
# OKX API v5, order book channel
OKX_BBO = (
    b'{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["8476.98","415","0","13"]],'
    b'"bids":[["8476.97","256","0","12"]],"ts":"1597026383085","seqId":123456}]}'
)
OKX_SNAPSHOT = (
    b'{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[["8476.98","415","0","13"],'
    b'["8477","7","0","2"]],"bids":[["8476.97","256","0","12"],["8475.55","101","0","1"]],"ts":"1597026383085",'
    b'"checksum":0,"prevSeqId":-1,"seqId":123456}]}'
)
OKX_UPDATE = (
    b'{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["8476.98","0","0","0"]],'
    b'"bids":[],"ts":"1597026383185","prevSeqId":123456,"seqId":123460}]}'
)
OKX_QUIET = (
    b'{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[],"bids":[],'
    b'"ts":"1597026443185","prevSeqId":123460,"seqId":123460}]}'
)
OKX_RESET = (
    b'{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[],"bids":[["8470","1","0","1"]],'
    b'"ts":"1597026443285","prevSeqId":123460,"seqId":3}]}'
)
OKX_ACK = b'{"event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"a4d3ae55"}'
OKX_ERROR = (
    b'{"event":"error","code":"60018","msg":"Wrong URL or channel:books,instId:XX","connId":"a4d3ae55"}'
)
# bybit-exchange.github.io, v5 orderbook; the delta of depth 1 from nautilus_trader's test data
BYBIT_SNAPSHOT = (
    b'{"topic":"orderbook.50.BTCUSDT","type":"snapshot","ts":1672304484978,"data":{"s":"BTCUSDT","b":[["16493.50","0.006"],'
    b'["16493.00","0.100"]],"a":[["16611.00","0.029"],["16612.00","0.213"]],"u":18521288,"seq":7961638724},'
    b'"cts":1672304484976}'
)
BYBIT_DELTA = (
    b'{"topic":"orderbook.50.BTCUSDT","type":"delta","ts":1687940967466,"data":{"s":"BTCUSDT","b":[["16493.50","0"],'
    b'["16492.50","1.5"]],"a":[],"u":18521289,"seq":7961638725},"cts":1687940967464}'
)
BYBIT_RESTART = (
    b'{"topic":"orderbook.50.BTCUSDT","type":"snapshot","ts":1687940968000,"data":{"s":"BTCUSDT","b":[["16000","1"]],'
    b'"a":[["16001","2"]],"u":1,"seq":7961638726},"cts":1687940967999}'
)
BYBIT_BEST = (
    b'{"topic":"orderbook.1.BTCUSDT","type":"snapshot","ts":1709891679000,"data":{"s":"BTCUSDT","b":[["27450.00","0.500"]],'
    b'"a":[["27451.00","0.750"]],"u":123456789,"seq":987654321},"cts":1709891678990}'
)
BYBIT_BEST_DELTA = (
    b'{"topic":"orderbook.1.BTCUSDT","type":"delta","ts":1709891679100,"data":{"s":"BTCUSDT","b":[["27450.00","0"],'
    b'["27449.50","3"]],"a":[],"u":123456790,"seq":987654322},"cts":1709891679090}'
)
BYBIT_ACK = b'{"success":true,"ret_msg":"","conn_id":"7e5a","req_id":"x","op":"subscribe"}'
BYBIT_PONG = b'{"success":true,"ret_msg":"pong","conn_id":"7e5a","req_id":"","op":"ping"}'
