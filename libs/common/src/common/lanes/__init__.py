"""Durable, ordered, keyed work for everything slow or external."""

from common.lanes.control import (
    FIRST_LANE,
    LanePlace,
    hold_lane,
    park_head,
    parked_jobs,
    queue_of,
    resume_lane,
    waiting_lanes,
)
from common.lanes.jobs import Job, LeaseLost, NewJob, ParkedJob, Queue, WhenParked
from common.lanes.statements import FINISHING
from common.lanes.store import (
    cancel,
    claim,
    enqueue,
    extend,
    finish,
    finish_within,
    park,
    postpone,
    retry,
    set_pace,
)
from common.lanes.tables import (
    add_lane_tables,
    add_pace_burst,
    create_lane_tables,
    drop_lane_tables,
    drop_pace_burst,
)
from common.lanes.worker import DONE, Done, LaneWorker

__all__ = [
    "DONE",
    "FINISHING",
    "FIRST_LANE",
    "Done",
    "Job",
    "LanePlace",
    "LaneWorker",
    "LeaseLost",
    "NewJob",
    "ParkedJob",
    "Queue",
    "WhenParked",
    "add_lane_tables",
    "add_pace_burst",
    "cancel",
    "claim",
    "create_lane_tables",
    "drop_lane_tables",
    "drop_pace_burst",
    "enqueue",
    "extend",
    "finish",
    "finish_within",
    "hold_lane",
    "park",
    "park_head",
    "parked_jobs",
    "postpone",
    "queue_of",
    "resume_lane",
    "retry",
    "set_pace",
    "waiting_lanes",
]
