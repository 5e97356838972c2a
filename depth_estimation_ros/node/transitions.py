# Copyright 2026 the depth_estimation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A lifecycle node whose transitions end in a sentence and never in an exception."""
from __future__ import annotations

from collections.abc import Callable
import traceback

from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn

from depth_estimation_ros.node.diagnostics import Complaints, ERROR


class GuardedNode(LifecycleNode):
    """
    Calls `_configure`, `_activate`, `_deactivate` and `_cleanup` of its heir.

    An exception out of them is one complaint, what was begun is undone, and the node lives on.
    """

    def __init__(self, name: str, **kwargs):
        super().__init__(name, **kwargs)
        self._complaints = Complaints(self.get_logger())
        self._in_transition = False
        self._guard_transitions()

    def on_configure(self, state) -> TransitionCallbackReturn:
        """Load and verify the model, warm it up, create the publishers."""
        return self._transition('configure', self._configure, self._cleanup)

    def on_activate(self, state) -> TransitionCallbackReturn:
        """Subscribe and start working."""
        return self._transition('activate', self._activate, self._deactivate)

    def on_deactivate(self, state) -> TransitionCallbackReturn:
        """Unsubscribe; when this returns nothing more is published."""
        return self._transition('deactivate', self._deactivate)

    def on_cleanup(self, state) -> TransitionCallbackReturn:
        """Let go of the model, its memory and the publishers."""
        return self._transition('cleanup', self._cleanup)

    def on_shutdown(self, state) -> TransitionCallbackReturn:
        """Do both, from any state."""
        return self._transition('shutdown', self.stop)

    def on_error(self, state) -> TransitionCallbackReturn:
        """Come back to the unconfigured state."""
        return self._transition('error processing', self.stop)

    def stop(self) -> None:
        """Stop working and let go of everything."""
        self._deactivate()
        self._cleanup()

    def _transition(self, name: str, action: Callable[[], None],
                    undo: Callable[[], None] | None = None) -> TransitionCallbackReturn:
        # rclpy turns an exception in here into ERROR without a word, and dies of None.
        self._in_transition = True
        try:
            action()
        except Exception as error:
            sentence = f'{name} failed: {error}'
            if not isinstance(error, ValueError):  # ours are sentences, others are surprises
                sentence = f'{name} failed: {type(error).__name__}: {error}'
                self.get_logger().error(traceback.format_exc())
            if undo is None:
                self.get_logger().error(sentence)
                return TransitionCallbackReturn.ERROR
            undo()
            self._complaints.raise_('transition', sentence, ERROR, lasting=True)
            return TransitionCallbackReturn.FAILURE
        self._complaints.settle('transition')
        return TransitionCallbackReturn.SUCCESS

    def _guard_transitions(self) -> None:
        """Answer a transition that is not possible; rclpy raises out of spin (rclpy #1209)."""
        [service] = (s for s in self.services if s.srv_type is ChangeState)
        inner = service.callback

        def guarded(request, response):
            self._in_transition = False
            try:
                response = inner(request, response)
            except Exception:  # rclpy's own, of no public type; ours are answered in _transition
                response.success = False
            if not response.success and not self._in_transition:
                self.get_logger().error(
                    f"transition '{request.transition.label or request.transition.id}' is not "
                    'possible in the present state; this shows which are: ros2 lifecycle list '
                    + self.get_fully_qualified_name())
            return response

        service.callback = guarded
