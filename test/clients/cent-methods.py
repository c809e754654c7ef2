"""Every method of the server API, as the library cent for Python asks it. KEY and API say where."""

import os

import cent

client = cent.Client(os.environ["API"], api_key=os.environ["KEY"])

place = client.publish(cent.PublishRequest(channel="demo/cent", data={"n": 1}, tags={"a": "b"}))
assert place.offset == 1 and place.epoch
many = client.broadcast(cent.BroadcastRequest(channels=["demo/cent", "not one"], data={"n": 2}))
assert many.responses[0].result.offset == 2 and many.responses[1].error.code == 107
assert not client.publish(cent.PublishRequest(channel="demo/cent", data={"n": 0}, skip_history=True)).offset
past = client.history(cent.HistoryRequest(channel="demo/cent", limit=10, reverse=True))
assert [one.data["n"] for one in past.publications] == [2, 1] and past.epoch == place.epoch
since = cent.StreamPosition(offset=1, epoch=place.epoch)
assert len(client.history(cent.HistoryRequest(channel="demo/cent", limit=10, since=since)).publications) == 1
client.history_remove(cent.HistoryRemoveRequest(channel="demo/cent"))
assert client.history(cent.HistoryRequest(channel="demo/cent", limit=10)).publications == []
assert "demo/cent" in client.channels(cent.ChannelsRequest(pattern="demo/*")).channels
assert client.info(cent.InfoRequest()).nodes[0].version.startswith("Hearthwire")
for request, ask in (
    (cent.SubscribeRequest(user="nobody", channel="demo/cent"), client.subscribe),
    (cent.UnsubscribeRequest(user="nobody", channel="demo/cent"), client.unsubscribe),
    (cent.DisconnectRequest(user="nobody"), client.disconnect),
    (cent.RefreshRequest(user="nobody", expired=True), client.refresh),
):
    ask(request)
for request, ask in (
    (cent.PresenceRequest(channel="demo/cent"), client.presence),
    (cent.PresenceStatsRequest(channel="demo/cent"), client.presence_stats),
):
    try:
        ask(request)
        raise AssertionError("presence is not configured")
    except cent.CentApiResponseError as refused:
        assert refused.code == 108
batch = client.batch(
    cent.BatchRequest(
        requests=[
            cent.PublishRequest(channel="demo/cent", data=1),
            cent.ChannelsRequest(pattern="demo/*"),
        ]
    )
)
assert batch.replies[0].offset == 3 and "demo/cent" in batch.replies[1].channels
try:
    cent.Client(os.environ["API"], api_key="hw_wrong_AAAAAAAAAAAAAAAAAAAAAAAA").info(cent.InfoRequest())
    raise AssertionError("a wrong key was taken")
except cent.CentUnauthorizedError:
    pass
print("all done")
