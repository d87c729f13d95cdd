"""The declared commands, by class: queries, controls, notifications, answers."""
