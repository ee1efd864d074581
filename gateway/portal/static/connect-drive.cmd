@echo off
rem Connects the drive of confidential documents on this computer. It changes nothing but the WebClient service.
rem
rem     connect-drive.cmd [ADDRESS [USER-NAME]]
rem
rem ADDRESS is the one that the start page shows, such as https://documents.example.gov.uk/
setlocal
set "ADDRESS=%~1"
set "NAME=%~2"
if not defined ADDRESS set /p "ADDRESS=Address of the drive, as the start page shows it: "
if not defined NAME set /p "NAME=Your user name: "
if not defined ADDRESS goto incomplete
if not defined NAME goto incomplete

sc query WebClient | find "RUNNING" >nul
if not errorlevel 1 goto connect
echo The WebClient service of Windows is not running. An administrator may start it: please answer the question.
powershell -NoProfile -Command "Start-Process cmd.exe -Verb RunAs -Wait -ArgumentList '/c sc config WebClient start= auto & net start WebClient'"
sc query WebClient | find "RUNNING" >nul
if errorlevel 1 goto not_started

:connect
echo Please type your device password. It is not shown.
net use * "%ADDRESS%" * /user:"%NAME%" /persistent:no
if errorlevel 1 goto not_connected
echo The drive stands in File Explorer, below This PC, until the computer restarts.
pause
exit /b 0

:incomplete
echo Both the address and your user name are needed.
pause
exit /b 1

:not_started
echo The WebClient service could not be started. Please ask whoever looks after this computer, or use WinSCP.
pause
exit /b 1

:not_connected
echo The drive could not be connected. The start page says whom to ask.
pause
exit /b 1
