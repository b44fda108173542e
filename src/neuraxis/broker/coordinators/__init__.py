"""Coordinators: pure state machines over internal logs."""
