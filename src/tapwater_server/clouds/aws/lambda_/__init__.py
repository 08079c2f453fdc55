"""AWS Lambda: functions made and called as its clients do, each an app of ours."""
